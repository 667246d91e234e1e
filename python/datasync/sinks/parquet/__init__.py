"""A folder of Parquet files for each table."""
