deep one
x
