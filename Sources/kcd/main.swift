print("kcd")
