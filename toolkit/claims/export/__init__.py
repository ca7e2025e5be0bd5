"""Denial exports as hospital systems write them: CSV, XLSX and Parquet, by layout."""
