module extproc/hello

go 1.21
