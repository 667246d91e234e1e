"""What a run says about itself: log, progress, report."""
