"""One module a service: each turns a request on the wire into calls on the emulator's parts."""
