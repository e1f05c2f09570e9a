//! The conformance and escape suite for hosts of the Dock.
//!
//! Each case runs one small guest that tries something: to use what it was not
//! granted, to outlast its limits, to get out of its files, to reach an address that
//! it must not. A host passes when the guest is stopped the way the Dock says, and
//! when the run after it works.
//!
//! ```
//! use wb_conformance::{InProcess, Status, run};
//! use wb_dock::Engine;
//!
//! let host = InProcess::new(Engine::new()?);
//! let report = run(&host, "determinism");
//! assert!(report.cases.iter().all(|case| case.status == Status::Passed), "{report}");
//! println!("{}", serde_json::to_string(&report)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A host of one's own
//!
//! Implement [`Host::run`]; the other methods have defaults, which test the services
//! of `wb-services`. A host that has its own files or its own HTTP hands them to the
//! suite with [`Host::vfs`] and [`Host::net`].
//!
//! ```
//! use wb_conformance::{Ended, Host, Refusal, run};
//! use wb_dock::{Engine, Grant, Invocation, Services};
//!
//! struct Mine(Engine);
//!
//! impl Host for Mine {
//!     fn name(&self) -> String {
//!         "mine".into()
//!     }
//!
//!     fn run(&self, wasm: &[u8], grant: &Grant, services: &Services, told: Invocation)
//!         -> Result<Ended, Refusal> {
//!         let command = self.0.load(wasm)?.admit(grant, services)?;
//!         Ok(command.run(told)?.into())
//!     }
//! }
//!
//! let report = run(&Mine(Engine::new()?), "crash");
//! assert_eq!(report.failed, 0, "{report}");
//! # Ok::<(), wb_dock::Error>(())
//! ```
//!
//! # The report
//!
//! [`Report`] as JSON, its cases in the order of [`suite`]:
//!
//! ```json
//! {
//!   "version": 1,
//!   "host": "process",
//!   "passed": 1, "failed": 1, "skipped": 1,
//!   "cases": [
//!     {"name": "limits/spin", "group": "limits", "about": "…", "status": "passed", "micros": 301022},
//!     {"name": "limits/memory-bomb", "group": "limits", "about": "…", "status": "failed",
//!      "expected": "the memory limit", "seen": "exit code 0", "micros": 812},
//!     {"name": "limits/fuel", "group": "limits", "about": "…", "status": "skipped",
//!      "reason": "this host counts no fuel", "micros": 130}
//!   ]
//! }
//! ```
//!
//! `version` is [`VERSION`]: it changes when a field changes its meaning or goes. Cases
//! come and go without it. [`Survey`] holds the reports of several hosts, and the tiers
//! that were missing, each with how to get it.
//!
//! # What this crate must not know
//!
//! How a host does it: cases see exit codes, bytes, codes of errors, and time.
#![expect(
    clippy::result_large_err,
    reason = "a refusal carries the outcome so far, and there is one for each case"
)]

mod case;
mod group;
mod host;
mod report;
mod resident;
#[allow(dead_code, reason = "shared with the tests of the Dock")]
mod script;
mod server;
mod stand_in;
mod suite;
mod tiers;

pub use case::{Case, Finding, Verdict};
pub use host::{Ended, Host, InProcess, Refusal};
pub use report::{CaseReport, Missing, Report, Status, Survey, VERSION};
pub use suite::{run, suite};
pub use tiers::{InTier, Tiers, tiers};
