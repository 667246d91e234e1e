"""What datasync costs, in ratios; see RESULTS.md."""
