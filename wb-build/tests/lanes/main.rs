//! Real builds: the compilers, provisioned as a user would have them provisioned.

mod c;
mod home;
mod js;
mod ts;
