"""Machine and processes: devices, terminal, torchrun, optional packages."""
