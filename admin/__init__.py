"""The panel: Flask-Admin's frame with the look of a mail client. Start reading at `admin.app`."""
