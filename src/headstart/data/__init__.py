"""What came in, and is it sound: read, open pictures, audit the files, split."""
