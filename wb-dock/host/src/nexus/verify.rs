//! Verification of many toolkits at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use wb_build::{lane, source};
use wb_manifest::{BuildSrc, Lang, ToolkitId, Tree};
use wb_registry::{Check, Facilities, Finding, Outcome, Report, Surroundings, cross_check, verify};
use wb_tier::on_path;

use super::Nexus;
use crate::error::Error;
use crate::toolkits::Toolkits;

impl Nexus {
    /// Checks toolkits against their contracts, on every core; reports come in
    /// the order of `toolkits`.
    ///
    /// A toolkit that cannot be read has a report that says so.
    ///
    /// # Errors
    ///
    /// Those of [`Nexus::table`]: without the registry nothing can be checked.
    pub fn verify(&self, toolkits: &[(ToolkitId, &Toolkits)]) -> Result<Vec<Report>, Error> {
        let (table, _) = self.table()?;
        let profiles = self.profiles()?;
        let around = Surroundings {
            table: &table,
            artifacts: &self.store,
            profiles: &profiles,
            facilities: &ThisHost,
        };
        let next = AtomicUsize::new(0);
        let reports = Mutex::new(Vec::with_capacity(toolkits.len()));
        let work = || {
            while let Some((id, place)) = toolkits.get(next.fetch_add(1, Ordering::Relaxed)) {
                let report = match place.tree(id) {
                    Ok(tree) => verify(id.as_str(), &tree, &around),
                    Err(error) => unreadable(id, &error),
                };
                let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
                reports.push(report);
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 1..cores.min(toolkits.len()) {
                scope.spawn(work);
            }
            work();
        });
        let mut reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
        let position = |report: &Report| {
            let same = |(id, _): &(ToolkitId, _)| id.as_str() == report.toolkit;
            toolkits.iter().position(same)
        };
        reports.sort_by_cached_key(position);
        cross_check(&mut reports);
        Ok(reports)
    }
}

fn unreadable(id: &ToolkitId, error: &Error) -> Report {
    Report {
        toolkit: id.to_string(),
        findings: vec![Finding {
            check: Check::Manifest,
            outcome: Outcome::Fail,
            code: error.code(),
            message: error.to_string().into(),
            place: None,
            hints: error.hint().into_iter().collect(),
        }],
        claims: Vec::new(),
    }
}

/// What this machine with this version can do.
struct ThisHost;

impl Facilities for ThisHost {
    fn can_build(&self, source: &BuildSrc, lang: Option<Lang>) -> Result<(), String> {
        match (source, lang) {
            (BuildSrc::Path(_), Some(lang)) => lane::entry_file(lang)
                .map(drop)
                .map_err(|error| error.to_string()),
            (BuildSrc::Path(_), None) => Err("no `#+BUILD_LANG` says what to build".to_owned()),
            (other, _) => source::supported(other).map_err(|error| error.to_string()),
        }
    }

    fn has_native(&self, program: &str) -> bool {
        on_path(program).is_some()
    }

    fn conforms(&self, component: &[u8], world: &str, wit: &Tree) -> Result<(), Vec<String>> {
        wb_build::conforms(component, world, wit)
    }
}
