"""The demo institution that `oficialia demo` installs."""
