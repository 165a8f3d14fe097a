print("kcnet")
