const s = "abc
