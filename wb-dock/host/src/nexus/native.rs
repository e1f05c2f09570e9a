//! Native programs: what toolkits of the posix shape stand for.
//!
//! A native program has no sandbox of its own, so it has three locks: the profile of
//! the run grants `posix`; the deployer has named the program in `config.toml`; and
//! it runs in the tier that policy says, a container unless the deployer settles for
//! a process. A guest cannot reach one: its commands are the registered ones.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use wb_dock::{Invocation, Job, Outcome, Services};
use wb_manifest::{Manifest, Reading, ToolkitId, read};
use wb_policy::{Cap, CapSet, Grant, Profile, Shape, Tier, Trust, tier};

use super::Nexus;
use crate::catalog::Catalog;
use crate::error::{Error, ErrorKind};

/// A native program as a toolkit of the posix shape declares it.
#[derive(Clone, Debug)]
pub struct Native {
    name: String,
    toolkit: ToolkitId,
    declared: CapSet,
    trust: Trust,
}

impl Native {
    /// What the program is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The toolkit that declares it.
    pub fn toolkit(&self) -> &ToolkitId {
        &self.toolkit
    }
}

/// A native program that may run: every lock is open.
pub(super) struct AdmittedNative {
    cage: Arc<Cage>,
    grant: Grant,
    services: Services,
}

impl AdmittedNative {
    pub(super) fn run(&self, invocation: Invocation) -> Result<Outcome, Error> {
        Ok(self.cage.run(&self.grant, &self.services, invocation)?)
    }

    /// The same as one of the runs of `job`.
    pub(super) fn run_in(&self, job: &Job, invocation: Invocation) -> Result<Outcome, Error> {
        let (grant, services) = (&self.grant, &self.services);
        Ok(self.cage.run_in(job, grant, services, invocation)?)
    }
}

impl Nexus {
    /// The native program `name`, as a toolkit of `catalog` declares it.
    ///
    /// The toolkit of that very name comes first, then the others in order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchCommand`] if there is none. A toolkit that cannot be read is
    /// passed over.
    pub fn native(&self, catalog: &Catalog, name: &str) -> Result<Native, Error> {
        if let Ok((id, place)) = catalog.find(name)
            && let Ok(text) = place.manifest(&id)
            && let Some(native) = self.natives(&id, &read(&text))?.remove(name)
        {
            return Ok(native);
        }
        for (id, place) in catalog.all()? {
            let Ok(text) = place.manifest(&id) else {
                continue;
            };
            if let Some(native) = self.natives(&id, &read(&text))?.remove(name) {
                return Ok(native);
            }
        }
        Err(super::no_such_command(name))
    }

    /// The native programs that the manifest of `id` declares, by name.
    pub(super) fn natives(
        &self,
        id: &ToolkitId,
        manifest: &Reading,
    ) -> Result<BTreeMap<String, Native>, Error> {
        let is_posix = |manifest: &&Manifest| manifest.shape() == Some(Shape::Posix);
        let mut natives = BTreeMap::new();
        for manifest in manifest.toolkits().iter().filter(is_posix) {
            let Some(name) = manifest.command() else {
                continue;
            };
            let native = Native {
                name: name.to_string(),
                toolkit: id.clone(),
                // A toolkit of the posix shape is a native program, whether or not its
                // manifest says so once more.
                declared: manifest.cap_set().with(Cap::Posix),
                trust: self.trust_in(id, manifest)?,
            };
            natives.insert(native.name.clone(), native);
        }
        Ok(natives)
    }

    /// Runs a native program to its end, and notes it in the steps log.
    ///
    /// It gets arguments and standard input, an empty scratch directory, and nothing
    /// else: no variable, no file, no network.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] without consent to somebody else's toolkit;
    /// [`ErrorKind::NativeRefused`] with every lock that is closed and how to open it;
    /// [`ErrorKind::NoSuchProgram`]; [`ErrorKind::Tier`] when the tier is not there;
    /// [`ErrorKind::Dock`] with the limit that was reached.
    pub fn run_native(
        &self,
        native: &Native,
        invocation: Invocation,
        profile: &Profile,
    ) -> Result<Outcome, Error> {
        self.admit_native(native, profile)?.run(invocation)
    }

    pub(super) fn admit_native(
        &self,
        native: &Native,
        profile: &Profile,
    ) -> Result<AdmittedNative, Error> {
        let grant = self.native_grant(native, profile)?;
        let binary = self.native_binary(native, profile, &grant)?;
        // One that the `PATH` does not lead to is a bare name: nothing lies there.
        if !(binary.is_absolute() && binary.is_file()) {
            let name = native.name.clone();
            return Err(ErrorKind::NoSuchProgram { name }.into());
        }
        let tier = tier(Shape::Posix, native.trust, self.posture()?);
        let cage = self.native_cages.get(tier, &binary)?;
        let services = self.services(&grant, profile)?;
        Ok(AdmittedNative {
            cage,
            grant,
            services,
        })
    }

    fn native_grant(&self, native: &Native, profile: &Profile) -> Result<Grant, Error> {
        let toolkit = native.toolkit.as_str();
        let consent = self.toolkit_consent(&native.toolkit, native.trust)?;
        let grant = Grant::decide(native.declared, native.trust, profile, consent.as_ref());
        grant.map_err(|refused| {
            let toolkit = toolkit.to_owned();
            ErrorKind::Refused { toolkit, refused }.into()
        })
    }

    /// The file of the program; none of its locks may be closed.
    fn native_binary(
        &self,
        native: &Native,
        profile: &Profile,
        grant: &Grant,
    ) -> Result<PathBuf, Error> {
        let name = &native.name;
        let mut closed = Vec::new();
        if !profile.caps().contains(Cap::Posix) {
            closed.push((
                format!("profile `{}` does not grant `posix`", profile.name()),
                "run it with `--profile posix`".to_owned(),
            ));
        } else if !grant.caps().contains(Cap::Posix) {
            closed.push((
                "the deployer has not consented to `posix`".to_owned(),
                format!("run `wbx toolkit grant {} posix`", native.toolkit),
            ));
        }
        let opted_in = self.config()?.posix.find(name);
        if opted_in.is_none() {
            closed.push((
                "the deployer has not opted in to it".to_owned(),
                format!("write `[posix]` with `programs = [\"{name}\"]` into `config.toml`"),
            ));
        }
        match opted_in {
            Some(program) if closed.is_empty() => Ok(program),
            _ => {
                let (reasons, remedies): (Vec<_>, Vec<_>) = closed.into_iter().unzip();
                let name = name.clone();
                Err(ErrorKind::NativeRefused {
                    name,
                    reason: reasons.join(", and "),
                    remedy: remedies.join("; "),
                }
                .into())
            }
        }
    }
}

/// The cages for native programs, each set up once for a tier and a file.
#[derive(Clone, Default)]
pub(super) struct NativeCages(Arc<Mutex<Cages>>);

type Cages = BTreeMap<(Tier, PathBuf), Arc<Cage>>;

impl NativeCages {
    fn get(&self, tier: Tier, binary: &Path) -> Result<Arc<Cage>, Error> {
        let mut cages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tier, binary.to_owned());
        if let Some(cage) = cages.get(&key) {
            return Ok(cage.clone());
        }
        let cage = Arc::new(set_up(tier, binary)?);
        cages.insert(key, cage.clone());
        Ok(cage)
    }
}

impl fmt::Debug for NativeCages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeCages").finish_non_exhaustive()
    }
}

#[cfg(target_os = "linux")]
use wb_tier::Posix as Cage;

#[cfg(target_os = "linux")]
fn set_up(tier: Tier, binary: &Path) -> Result<Cage, Error> {
    let opt_in = wb_tier::DeployerOptIn::default().binary(binary);
    match tier {
        Tier::Instance | Tier::Process => {
            // Says whether this program can become what confines a native one.
            wb_tier::Process::new()?;
            // Not by its path: that may lead to another version by now.
            Ok(Cage::in_process(
                opt_in.process_will_do(),
                "/proc/self/exe",
            )?)
        }
        Tier::Container => Cage::new(opt_in).map_err(|error| match error {
            wb_tier::Error::Unavailable(mut missing) => {
                missing.remedy.push_str(SETTLE);
                wb_tier::Error::from(missing).into()
            }
            other => other.into(),
        }),
        Tier::Vm => Err(unavailable(tier, "native programs do not run in machines")),
    }
}

/// The other way out of a container that is not to be had.
#[cfg(target_os = "linux")]
const SETTLE: &str = ", or settle for a confined process: `[isolation]` with `posix = \"process\"` \
                      in `config.toml`";

/// What native programs would run in; there is none here.
#[cfg(not(target_os = "linux"))]
enum Cage {}

#[cfg(not(target_os = "linux"))]
impl Cage {
    fn run(&self, _: &Grant, _: &Services, _: Invocation) -> Result<Outcome, wb_tier::Error> {
        match *self {}
    }

    fn run_in(
        &self,
        _: &Job,
        _: &Grant,
        _: &Services,
        _: Invocation,
    ) -> Result<Outcome, wb_tier::Error> {
        match *self {}
    }
}

#[cfg(not(target_os = "linux"))]
fn set_up(tier: Tier, _: &Path) -> Result<Cage, Error> {
    Err(unavailable(
        tier,
        "native programs are confined by means of Linux",
    ))
}

fn unavailable(tier: Tier, missing: &str) -> Error {
    let unavailable = wb_tier::Unavailable {
        tier,
        missing: missing.to_owned(),
        remedy: "run it on Linux, in the tier `container` or `process`".to_owned(),
    };
    wb_tier::Error::from(unavailable).into()
}

#[cfg(test)]
mod tests;
