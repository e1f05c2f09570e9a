//! Secrets: what guests may use and never read.

mod file;
mod secret;
mod template;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use wb_dock::cap::{Failure, Principal, Secrets};
use wb_policy::{Cap, Origin};
use zeroize::Zeroizing;

use self::file::{Stamp, VaultFile};
use self::secret::Content;
pub use self::secret::{Secret, SecretKind};
use crate::fill::{Fill, Filled, Keys};

/// The largest text with its secrets in place: as large as the body of a request.
const MAX_FILLED: usize = 16 << 20;

/// The most secrets of one owner.
const MAX_SECRETS: usize = 1000;

/// Whose a secret is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The host's own, for example the key to a language model: no guest can name it.
    Host,
    /// A tenant's: its guests may use it as far as their grants reach.
    Tenant(String),
}

/// Secrets by owner and name, in memory or in one file.
///
/// An owner has at most 1,000 secrets; a name is 1 to 128 of `A-Z a-z 0-9 _ - .`, the file has
/// at most 64 MiB of JSON.
///
/// The file is readable by its user alone (0600) and replaced as a whole. It is
/// **not encrypted**: a key beside it would be as readable as the file. Whoever can
/// read the user's files can read the secrets; put the file on an encrypted disk if
/// that matters. What another process changes in it is seen at the next use.
///
/// A guest can ask whether there is a secret, sign with it, and have it put into a
/// request, and cannot read it. Values are wiped from memory when they are dropped,
/// and never printed.
///
/// # Examples
///
/// ```
/// use wb_dock::{Session, Grant};
/// use wb_dock::cap::{Principal, Secrets};
/// use wb_services::{Owner, Secret, Vault};
///
/// let vault = Vault::in_memory();
/// let token = Secret::token("hunter2").only_to("https://api.example.org".parse()?);
/// vault.set(Owner::Tenant("ada".into()), "API_TOKEN", token)?;
///
/// let session = Session { id: "s1".into(), tenant: "ada".into() };
/// let grant = Grant::none();
/// let who = Principal::new(&session, "fetch", &grant, wb_policy::Budget::new("fetch", grant.limits()));
/// assert!(vault.present(&who, "API_TOKEN")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Vault {
    held: RwLock<Held>,
    file: Option<VaultFile>,
}

/// The secrets, and which state of the file they are.
#[derive(Default)]
struct Held {
    secrets: All,
    stamp: Stamp,
}

type All = BTreeMap<Owner, BTreeMap<String, Secret>>;

/// Why the vault cannot be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The name of a secret is none.
    #[error("`{0}` is no name of a secret: wanted 1 to 128 of `A-Z a-z 0-9 _ - .`")]
    BadName(String),
    /// A value that is empty or larger than 64 KiB.
    #[error("the value has {0} bytes, wanted 1 to 65536")]
    BadValue(usize),
    /// The owner has as many secrets as there may be.
    #[error("there are {MAX_SECRETS} secrets, which is the limit")]
    Full,
    /// Others than its user may read the file.
    #[error("the vault is open to others (mode {0:o}), wanted 600")]
    Exposed(u32),
    /// The file is no vault.
    #[error("the vault cannot be understood: {0}")]
    Corrupt(String),
    /// What the system said.
    #[error("cannot {action} the vault: {}", source.kind())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The cause.
        source: io::Error,
    },
}

/// A secret as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub kind: SecretKind,
    /// The hosts it may be sent to.
    pub hosts: Vec<String>,
}

impl Vault {
    /// An empty vault that is gone when it is dropped.
    pub fn in_memory() -> Self {
        Self {
            held: RwLock::default(),
            file: None,
        }
    }

    /// The vault in the file `path`; empty when there is none yet.
    ///
    /// # Errors
    ///
    /// [`VaultError::Exposed`] when others may read it, [`VaultError::Corrupt`] when it is no vault
    /// or too large, [`VaultError::Io`] with what the system said.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, VaultError> {
        let file = VaultFile::new(path.into());
        let (stamp, secrets) = file.read()?;
        Ok(Self {
            held: RwLock::new(Held { secrets, stamp }),
            file: Some(file),
        })
    }

    /// Keeps `secret` under `name`, in place of an earlier one.
    ///
    /// # Errors
    ///
    /// [`VaultError::BadName`], [`VaultError::BadValue`], [`VaultError::Full`], and as for
    /// [`Vault::open`]; the earlier secret is untouched then.
    pub fn set(&self, owner: Owner, name: &str, secret: Secret) -> Result<(), VaultError> {
        if !template::is_name(name) {
            return Err(VaultError::BadName(name.chars().take(128).collect()));
        }
        secret.check()?;
        self.change(|secrets| {
            let own = secrets.entry(owner).or_default();
            if own.len() >= MAX_SECRETS && !own.contains_key(name) {
                return Err(VaultError::Full);
            }
            own.insert(name.to_owned(), secret);
            Ok(())
        })
    }

    /// Forgets the secret; false when there was none.
    ///
    /// # Errors
    ///
    /// As for [`Vault::open`].
    pub fn remove(&self, owner: &Owner, name: &str) -> Result<bool, VaultError> {
        self.change(|secrets| {
            let own = secrets.get_mut(owner);
            Ok(own.is_some_and(|own| own.remove(name).is_some()))
        })
    }

    /// The secrets of `owner` by name, without their values.
    ///
    /// # Errors
    ///
    /// As for [`Vault::open`].
    pub fn list(&self, owner: &Owner) -> Result<Vec<Listed>, VaultError> {
        let held = self.held()?;
        let own = held.secrets.get(owner).into_iter().flatten();
        let listed = own.map(|(name, secret)| Listed {
            name: name.clone(),
            kind: secret.kind(),
            hosts: secret.hosts.iter().map(ToString::to_string).collect(),
        });
        Ok(listed.collect())
    }

    /// The Ed25519 public key that goes with a signing key, to verify what guests sign.
    ///
    /// # Errors
    ///
    /// As for [`Vault::open`].
    pub fn public_key(&self, owner: &Owner, name: &str) -> Result<Option<[u8; 32]>, VaultError> {
        let held = self.held()?;
        let secret = held.secrets.get(owner).and_then(|own| own.get(name));
        Ok(secret.and_then(Secret::public_key))
    }

    /// What is held, after another process's changes.
    fn held(&self) -> Result<RwLockReadGuard<'_, Held>, VaultError> {
        if let Some(file) = &self.file {
            let now = file.stamp()?;
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            if held.stamp == now {
                return Ok(held);
            }
            drop(held);
            let (stamp, secrets) = file.read()?;
            *self.held.write().unwrap_or_else(PoisonError::into_inner) = Held { secrets, stamp };
        }
        // A panic cannot leave a part of a change behind: maps are replaced or
        // changed by one call.
        Ok(self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut All) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &self.file else {
            return change(&mut held.secrets);
        };
        let _locked = file.lock()?;
        let (_, mut secrets) = file.read()?;
        let value = change(&mut secrets)?;
        let stamp = file.write(&secrets)?;
        *held = Held { secrets, stamp };
        Ok(value)
    }

    /// Shows the secret to `use_it`.
    fn with<T>(
        &self,
        owner: &Owner,
        name: &str,
        use_it: impl FnOnce(&Secret) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let held = self.held().map_err(unavailable)?;
        let secret = held.secrets.get(owner).and_then(|own| own.get(name));
        use_it(secret.ok_or_else(|| Failure::not_found(format!("there is no secret `{name}`")))?)
    }
}

impl Secrets for Vault {
    fn present(&self, who: &Principal<'_>, name: &str) -> Result<bool, Failure> {
        let held = self.held().map_err(unavailable)?;
        let own = held.secrets.get(&tenant(who));
        Ok(own.is_some_and(|own| own.contains_key(name)))
    }

    fn sign(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure> {
        self.with(&tenant(who), name, |secret| match &secret.content {
            Content::SigningKey(seed) => {
                let signature = SigningKey::from_bytes(seed).sign(data);
                Ok(Bytes::copy_from_slice(&signature.to_bytes()))
            }
            Content::Token(_) => Err(wrong_kind(name, secret, SecretKind::SigningKey)),
        })
    }

    fn hmac(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure> {
        self.with(&tenant(who), name, |secret| match &secret.content {
            Content::Token(key) => {
                let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any size");
                let code = mac.chain_update(data).finalize();
                Ok(Bytes::copy_from_slice(&code.into_bytes()))
            }
            Content::SigningKey(_) => Err(wrong_kind(name, secret, SecretKind::Token)),
        })
    }
}

impl Fill for Vault {
    fn fill(&self, who: &Principal<'_>, origin: &Origin, text: &[u8]) -> Result<Filled, Failure> {
        let owner = tenant(who);
        let mut values: BTreeMap<&str, Zeroizing<Vec<u8>>> = BTreeMap::new();
        let mut size = text.len();
        for place in template::places(text) {
            if !values.contains_key(place.name) {
                permit(who, place.name)?;
                let value = self.with(&owner, place.name, |secret| {
                    secret.for_origin(place.name, origin)
                })?;
                values.insert(place.name, value);
            }
            size = size - place.range.len() + values[place.name].len();
            if size > MAX_FILLED {
                return Err(Failure::limit(format!(
                    "with its secrets in place the text has more than {MAX_FILLED} bytes"
                )));
            }
        }
        // As large as it gets, so that growing leaves no copy behind.
        let mut filled = Zeroizing::new(Vec::with_capacity(size));
        let mut done = 0;
        for place in template::places(text) {
            filled.extend_from_slice(&text[done..place.range.start]);
            filled.extend_from_slice(&values[place.name]);
            done = place.range.end;
        }
        filled.extend_from_slice(&text[done..]);
        Ok(Filled {
            text: filled,
            values: values.into_values().collect(),
        })
    }
}

impl Keys for Vault {
    fn key(&self, name: &str, origin: &Origin) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.with(&Owner::Host, name, |secret| secret.for_origin(name, origin))
            .map_err(|failure| match failure.kind {
                wb_dock::cap::FailureKind::NotFound => Failure::unavailable(failure.message),
                _ => failure,
            })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

fn tenant(who: &Principal<'_>) -> Owner {
    Owner::Tenant(who.session().tenant.clone())
}

/// The Dock asks this for `secrets` itself; a template gets here by way of `net`.
fn permit(who: &Principal<'_>, name: &str) -> Result<(), Failure> {
    if !who.grant().caps().contains(Cap::Secrets) {
        return Err(Failure::refused(format!(
            "`{{{{secret:{name}}}}}` needs the capability `secrets`, which is not granted"
        )));
    }
    if !who.grant().scopes().secrets.permits(name) {
        return Err(Failure::refused(format!(
            "the secret `{name}` is outside of what the grant permits"
        )));
    }
    Ok(())
}

fn wrong_kind(name: &str, secret: &Secret, wanted: SecretKind) -> Failure {
    Failure::bad_request(format!(
        "the secret `{name}` is a {}, wanted a {wanted}",
        secret.kind()
    ))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unavailable(error: VaultError) -> Failure {
    Failure::unavailable(error.to_string())
}

#[cfg(test)]
mod tests;
