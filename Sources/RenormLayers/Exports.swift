@_exported import RenormEngines
