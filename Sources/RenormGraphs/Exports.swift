@_exported import RenormArrays
