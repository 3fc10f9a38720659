@_exported import RenormGraphs
