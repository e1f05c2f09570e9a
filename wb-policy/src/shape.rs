use std::fmt;
use std::str::FromStr;

/// How an artifact is invoked: the `#+EXEC` contract of a toolkit.
///
/// A manifest without `#+EXEC` has no shape: it is a discovery-only toolkit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Arguments and standard input to standard output and an exit code.
    Command,
    /// A WIT-typed component: functions that are called with values.
    Component,
    /// Bytes to bytes, instantiated once and called in a loop.
    Kernel,
    /// A recipe of command calls; no artifact of its own.
    Task,
    /// A live data source with an optional sync.
    Federation,
    /// A native binary, for what wasm cannot do.
    Posix,
}

impl Shape {
    /// The six shapes, in documentation order.
    pub const ALL: [Self; 6] = [
        Self::Command,
        Self::Component,
        Self::Kernel,
        Self::Task,
        Self::Federation,
        Self::Posix,
    ];

    /// The value of `#+EXEC`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Component => "component",
            Self::Kernel => "kernel",
            Self::Task => "task",
            Self::Federation => "federation",
            Self::Posix => "posix",
        }
    }

    /// Whether a toolkit of this shape has a wasm artifact that a lane builds.
    pub const fn is_built(self) -> bool {
        matches!(self, Self::Command | Self::Component | Self::Kernel)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown shape `{0}`, expected command, component, kernel, task, federation or posix")]
pub struct UnknownShape(pub String);

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(name: &str) -> Result<Self, UnknownShape> {
        Self::ALL
            .into_iter()
            .find(|shape| shape.name() == name)
            .ok_or_else(|| UnknownShape(name.to_owned()))
    }
}

impl serde::Serialize for Shape {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for Shape {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}
