"""What can be checked without a database: `python3 -m unittest discover -s tests -t .` in docs/tracetrack."""
