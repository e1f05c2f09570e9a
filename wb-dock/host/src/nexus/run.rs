//! A command by name, under what its manifest declares and the deployer grants.

use wb_dock::{ArgMode, Engine, Invocation, Outcome, Program, Services};
use wb_manifest::ToolkitId;
use wb_policy::{Grant, Profile, Profiles, Shape, Tier, Trust, tier};
use wb_registry::{Binding, Store as _};

use super::Nexus;
use crate::clock::SystemClock;
use crate::consent;
use crate::error::{Error, ErrorKind};
use crate::random::SystemRandom;

impl Nexus {
    /// Runs the command `name` to its end.
    ///
    /// `invocation` carries arguments and streams; the arg mode comes from the
    /// binding. The grant is what the binding declares, the profile allows and,
    /// for third-party code, the deployer consented to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchCommand`]; [`ErrorKind::Refused`] and
    /// [`ErrorKind::TierUnavailable`] by policy; [`ErrorKind::Store`] for a
    /// missing or damaged artifact; [`ErrorKind::Dock`] for what happened in the
    /// sandbox.
    pub fn run(
        &self,
        name: &str,
        invocation: Invocation,
        profile: &Profile,
    ) -> Result<Outcome, Error> {
        let binding = self.resolve(name)?;
        let grant = self.grant(&binding, profile)?;
        self.require_tier(&binding)?;
        if binding.shape != Shape::Command {
            let (name, shape) = (name.to_owned(), binding.shape);
            return Err(ErrorKind::NotRunnable { name, shape }.into());
        }
        let program = self.load(&binding)?;
        let services = Services::default()
            .clock(SystemClock::shared())
            .random(SystemRandom::shared());
        let command = program.admit(&grant, &services)?;
        Ok(command.run(invocation.arg_mode(arg_mode(&binding)))?)
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
            let known = profiles.iter().map(|p| p.name().to_owned()).collect();
            ErrorKind::NoSuchProfile {
                name: name.to_owned(),
                known,
            }
            .into()
        })
    }

    pub(super) fn profiles(&self) -> Result<Profiles, Error> {
        let path = self.home.root().join("profiles.toml");
        match std::fs::read_to_string(path) {
            Ok(text) => Profiles::from_toml(&text).map_err(|error| {
                ErrorKind::CorruptProfiles {
                    reason: error.to_string(),
                }
                .into()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Profiles::built_in()),
            Err(error) => Err(Error::io("read", "profiles.toml", error)),
        }
    }

    /// What a run of `binding` may do under `profile`.
    fn grant(&self, binding: &Binding, profile: &Profile) -> Result<Grant, Error> {
        let consent = match (&binding.toolkit, binding.trust) {
            (Some(toolkit), Trust::ThirdParty) => consent::load(&self.home, toolkit)?
                .filter(|consent| covers(consent, toolkit, binding)),
            _ => None,
        };
        Grant::decide(binding.caps, binding.trust, profile, consent.as_ref()).map_err(|refused| {
            let toolkit = binding
                .toolkit
                .as_ref()
                .map_or(binding.name.as_str(), ToolkitId::as_str);
            ErrorKind::Refused {
                toolkit: toolkit.to_owned(),
                refused,
            }
            .into()
        })
    }

    /// Refuses what must be contained better than this host can.
    fn require_tier(&self, binding: &Binding) -> Result<(), Error> {
        let wanted = tier(binding.shape, binding.trust, self.posture);
        if wanted == Tier::Instance {
            return Ok(());
        }
        let name = binding.name.to_string();
        Err(ErrorKind::TierUnavailable { name, tier: wanted }.into())
    }

    /// The binding's program: compiled code if there is some, else from the artifact.
    fn load(&self, binding: &Binding) -> Result<Program, Error> {
        // Compiled code must not outlive trust in what it was compiled from.
        self.store.check(&binding.digest)?;
        let engine = self.engine()?;
        if let Some(program) = engine.load_cached(*binding.digest.as_bytes()) {
            return Ok(program);
        }
        let wasm = self.store.get(&binding.digest)?;
        Ok(engine.load(&wasm)?)
    }

    /// The engine, made when it is first needed.
    pub(super) fn engine(&self) -> Result<Engine, Error> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine.clone());
        }
        let engine = Engine::builder().code_cache(self.home.code()).build()?;
        // Another thread may have been first; then its engine is the one.
        Ok(self.engine.get_or_init(|| engine).clone())
    }
}

fn arg_mode(binding: &Binding) -> ArgMode {
    match binding.arg_mode {
        wb_manifest::ArgMode::Argv => ArgMode::Argv,
        wb_manifest::ArgMode::Stdin1 => ArgMode::Stdin1,
    }
}

fn covers(consent: &wb_policy::Consent, toolkit: &ToolkitId, binding: &Binding) -> bool {
    consent.covers(toolkit.as_str(), Some(&binding.digest.to_string()))
}
