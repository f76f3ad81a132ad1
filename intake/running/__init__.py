"""What runs the office: the supervisor, the doctor, backups, the log, the terminal."""
