"""What we talk about, free of files, networks and frameworks."""
