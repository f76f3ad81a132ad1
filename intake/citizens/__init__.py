"""What a requester does in the portal, and what helps before and after asking."""
