//! wb-http
fn main() {}
