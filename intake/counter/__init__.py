"""The counter for paper (manual C): registering, discharging, asking for a responsible, answering."""
