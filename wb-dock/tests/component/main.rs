//! Components: the interfaces, admission, calls, WASI 0.2, limits.

mod wit;
