print("renorm")
