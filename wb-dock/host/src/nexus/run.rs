//! A command by name, under what its manifest declares and the deployer grants.

use std::io;
use std::sync::{Arc, PoisonError};

use wb_dock::{Invocation, Outcome, Program, Services, Session};
use wb_manifest::ToolkitId;
use wb_policy::{Cap, Consent, Grant, Profile, Profiles, Shape, Tier, Trust, tier};
use wb_registry::{Binding, Store as _};

use super::Nexus;
use super::commands::NexusCommands;
use super::revoked::ConsentRecords;
use crate::clock::SystemClock;
use crate::consent;
use crate::error::{Error, ErrorKind};
use crate::random::SystemRandom;
use crate::steps::StepsLog;

/// The tenant that the guests of a nexus of one's own belong to.
pub const TENANT: &str = "local";

impl Nexus {
    /// Runs the command `name` to its end, and notes it in the steps log.
    ///
    /// `invocation` carries arguments and streams; the arg mode comes from the
    /// binding. The grant is what the binding declares, the profile allows and,
    /// for third-party code, the deployer consented to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchCommand`]; [`ErrorKind::Refused`] by policy;
    /// [`ErrorKind::Tier`] when the tier that it must run in is not there or fails;
    /// [`ErrorKind::BadConfig`]; [`ErrorKind::Store`] for a
    /// missing or damaged artifact; [`ErrorKind::Dock`] for what happened in the
    /// sandbox.
    pub fn run(
        &self,
        name: &str,
        invocation: Invocation,
        profile: &Profile,
    ) -> Result<Outcome, Error> {
        let binding = self.resolve(name)?;
        let (grant, tier) = self.grant(&binding, Shape::Command, profile)?;
        let invocation = invocation.arg_mode(binding.arg_mode);
        let services = self.services(&grant, profile)?;
        if tier != Tier::Instance {
            let caged = self.caged(&binding, tier)?;
            let runner = caged.runner()?;
            return Ok(runner.run(&caged.module, &grant, &services, invocation)?);
        }
        let program = self.load(&binding)?;
        let command = program.admit(&grant, &services)?;
        Ok(command.run(invocation)?)
    }

    /// What stands behind the capabilities of one run.
    pub(super) fn services(&self, grant: &Grant, profile: &Profile) -> Result<Services, Error> {
        let mut services = Services::default()
            .clock(SystemClock::shared())
            .random(SystemRandom::shared())
            .session(Session {
                id: format!("{}-{}", std::process::id(), crate::unix_time().as_millis()),
                tenant: TENANT.to_owned(),
            })
            .recorder(Arc::new(StepsLog::at(self.home.steps())));
        let caps = grant.caps();
        let runs_others = [Cap::Commands, Cap::Exec, Cap::Parallel];
        if runs_others.iter().any(|cap| caps.contains(*cap)) {
            services = services.commands(Arc::new(NexusCommands::new(self, profile)));
        }
        #[cfg(unix)]
        {
            services = services.cpu_clock(Arc::new(crate::clock::ThreadClock));
        }
        if !caps.is_empty() {
            services = self.deployment()?.equip(services);
            services = services.revocations(Arc::new(ConsentRecords::new(self)));
        }
        if let Some(profiles) = self.own_profiles()? {
            services = services.profiles(profiles);
        }
        Ok(services)
    }

    /// The profile called `name`: one of the built-in four or of `profiles.toml`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchProfile`]: somebody who asks for a profile by name
    /// should learn that it is not there. [`ErrorKind::CorruptProfiles`].
    pub fn profile(&self, name: &str) -> Result<Profile, Error> {
        let profiles = self.profiles()?;
        profiles.get(name).cloned().ok_or_else(|| {
            let name = name.to_owned();
            let known = profiles.iter().map(|p| p.name().to_owned()).collect();
            ErrorKind::NoSuchProfile { name, known }.into()
        })
    }

    /// The profiles there are.
    pub(super) fn profiles(&self) -> Result<Profiles, Error> {
        Ok(self.own_profiles()?.unwrap_or_else(Profiles::built_in))
    }

    /// The profiles with the deployer's own, if `profiles.toml` is there.
    fn own_profiles(&self) -> Result<Option<Profiles>, Error> {
        let path = self.home.root().join("profiles.toml");
        match std::fs::read_to_string(path) {
            Ok(text) => Profiles::from_toml(&text).map(Some).map_err(|error| {
                let reason = error.to_string();
                ErrorKind::CorruptProfiles { reason }.into()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", "profiles.toml", error)),
        }
    }

    /// What a run of `binding` may do under `profile`, and the tier that it must have.
    ///
    /// # Errors
    ///
    /// When the deployer has not consented, or when its shape is not `wanted`.
    pub(super) fn grant(
        &self,
        binding: &Binding,
        wanted: Shape,
        profile: &Profile,
    ) -> Result<(Grant, Tier), Error> {
        if binding.shape != wanted {
            let (name, shape) = (binding.name.to_string(), binding.shape);
            return Err(ErrorKind::NotRunnable {
                name,
                shape,
                wanted,
            }
            .into());
        }
        let consent = self.consent(binding)?;
        let grant = Grant::decide(binding.caps, binding.trust, profile, consent.as_ref());
        let grant = grant.map_err(|refused| {
            let toolkit = binding.toolkit.as_ref();
            let toolkit = toolkit.map_or(binding.name.as_str(), ToolkitId::as_str);
            let toolkit = toolkit.to_owned();
            ErrorKind::Refused { toolkit, refused }
        })?;
        let tier = tier(binding.shape, binding.trust, self.posture()?);
        Ok((grant, tier))
    }

    /// The deployer's consent to a third-party binding.
    fn consent(&self, binding: &Binding) -> Result<Option<Consent>, Error> {
        let (Some(toolkit), Trust::ThirdParty) = (&binding.toolkit, binding.trust) else {
            return Ok(None);
        };
        let artifact = binding.digest.to_string();
        let consent = consent::load(&self.home, toolkit)?;
        Ok(consent.filter(|consent| consent.covers(toolkit.as_str(), Some(&artifact))))
    }

    /// The deployer's consent to a toolkit without an artifact: a third-party task,
    /// native program or data source.
    pub(super) fn toolkit_consent(
        &self,
        toolkit: &ToolkitId,
        trust: Trust,
    ) -> Result<Option<Consent>, Error> {
        if trust == Trust::FirstParty {
            return Ok(None);
        }
        let consent = consent::load(&self.home, toolkit)?;
        Ok(consent.filter(|consent| consent.covers(toolkit.as_str(), None)))
    }

    /// The binding's program, loaded unless it was before.
    pub(super) fn load(&self, binding: &Binding) -> Result<Program, Error> {
        // Compiled code must not outlive trust in what it was compiled from.
        if !binding.name.is_reserved() {
            self.store.check(&binding.digest)?;
        }
        let programs = || self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = programs().get(&binding.digest) {
            return Ok(program.clone());
        }
        // Two threads may load one program twice; neither waits for the other.
        let program = if binding.name.is_reserved() {
            self.load_built_in(binding.name.as_str())?
        } else {
            self.load_stored(binding)?
        };
        programs().insert(binding.digest, program.clone());
        Ok(program)
    }

    /// Compiled code if there is some, else the artifact, compiled now.
    fn load_stored(&self, binding: &Binding) -> Result<Program, Error> {
        let engine = self.engine()?;
        if let Some(program) = engine.load_cached(*binding.digest.as_bytes()) {
            return Ok(program);
        }
        let wasm = self.store.get(&binding.digest)?;
        Ok(engine.load(&wasm)?)
    }
}

#[cfg(test)]
mod tests;
