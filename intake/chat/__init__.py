"""The desk's side of the chats; the conversation itself is in `bots/`."""
