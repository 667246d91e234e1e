"""What the parts that talk to PostgreSQL have in common: errors, and tables by migration."""
