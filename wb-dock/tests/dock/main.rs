//! Guests of `tests/guests`, one case each: what they do and what the dock makes of it.

mod admission;
mod command;
mod limits;
mod nested;
mod support;
