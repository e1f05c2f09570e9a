use std::time::Duration;

/// What one run may use at most. Nested runs spend from the same limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory and tables of all live instances together, in bytes.
    pub memory: u64,
    /// Wall-clock time from the start of the run; a nested one ends with those around it.
    pub wall: Duration,
    /// Units of wasm fuel; `None` does not count fuel.
    pub fuel: Option<u64>,
    /// Bytes written to standard output and standard error together.
    pub output: u64,
    /// Calls from the guest into the Dock.
    pub host_calls: u64,
    /// Bytes sent to the network on the guest's behalf.
    pub egress: u64,
    /// Commands started by the guest, at any depth.
    pub children: u32,
}

impl Limits {
    /// Bytes in a mebibyte, the unit of the profiles' table.
    pub const MIB: u64 = 1 << 20;

    /// The smaller of each limit: what holds when both must.
    #[must_use]
    pub fn tightest(self, other: Self) -> Self {
        Self {
            memory: self.memory.min(other.memory),
            wall: self.wall.min(other.wall),
            fuel: match (self.fuel, other.fuel) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (one, None) | (None, one) => one,
            },
            output: self.output.min(other.output),
            host_calls: self.host_calls.min(other.host_calls),
            egress: self.egress.min(other.egress),
            children: self.children.min(other.children),
        }
    }
}
