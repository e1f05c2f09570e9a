//! The third rung: what a bundle brings is registered here.
//!
//! Installing never widens what a program may do. The contract comes from the
//! manifest inside the bundle; which of the capabilities it asks for are
//! granted is decided here, by this deployment's profile and consent.

use std::fmt::Write as _;
use std::sync::Arc;

use wb_manifest::{Digest, Manifest, ManifestText, ToolkitId, Tree, palette, read};
use wb_policy::{Consent, Denial, Grant, Profile, Profiles, Refused, Trust, denied_imports};

use crate::{
    BindError, Binding, Bundle, BundleError, CommandTable, Part, ProgramShape, Store, StoreError,
    UnpackLimits, bundle::clip, decode_bundle,
};

/// What is known about who signed a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signature {
    /// Nobody did.
    Unsigned,
    /// Somebody whom the deployer has pinned.
    Valid {
        /// The signer.
        did: String,
    },
    /// There is a signature and it does not hold, or nobody knows the signer.
    Invalid {
        /// Why.
        reason: String,
    },
}

/// Says who signed a bundle.
pub trait SignatureCheck {
    /// Who signed `bundle`, which unpacks from `bytes`.
    fn check(&self, bytes: &[u8], bundle: &Bundle) -> Signature;
}

/// Bundles carry no signatures yet: each is unsigned, and no more is claimed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsigned;

impl SignatureCheck for Unsigned {
    fn check(&self, _: &[u8], _: &Bundle) -> Signature {
        Signature::Unsigned
    }
}

/// How a bundle is to be installed.
#[derive(Clone, Copy)]
pub struct InstallRules<'a> {
    /// The digest that the bundle must have.
    pub pin: Option<Digest>,
    /// Who says whether it is signed.
    pub signatures: &'a dyn SignatureCheck,
    /// Whether third-party code is taken without a valid signature.
    pub allow_unsigned: bool,
    /// Treats the code as somebody else's whatever its manifest says.
    pub as_third_party: bool,
    /// Takes names over that are commands of other toolkits.
    pub replace: bool,
    /// The ceiling of this deployment.
    pub profile: &'a Profile,
    /// What the deployer consented to for this toolkit.
    pub consent: Option<&'a Consent>,
    /// How much the bundle may inflate to.
    pub limits: UnpackLimits,
}

impl<'a> InstallRules<'a> {
    /// No pin, no consent, no exception: what is third-party needs a signature.
    pub fn new(profile: &'a Profile) -> Self {
        Self {
            pin: None,
            signatures: &Unsigned,
            allow_unsigned: false,
            as_third_party: false,
            replace: false,
            profile,
            consent: None,
            limits: UnpackLimits::default(),
        }
    }
}

/// A toolkit that was installed.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Its name.
    pub id: ToolkitId,
    /// The digest of the bundle.
    pub digest: Digest,
    /// Manifest, skills and sources, ready to be written below the toolkits' root.
    pub tree: Tree,
    /// What was registered.
    pub bindings: Vec<Arc<Binding>>,
}

/// A bundle that was not installed; nothing of it is registered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The bytes are not those that were asked for.
    #[error("the bundle has the sha256 `{found}`, the pin is `{wanted}`")]
    Pin {
        /// The pin.
        wanted: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The bytes are no usable bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The signature does not hold.
    #[error("the bundle's signature does not hold: {0}")]
    BadSignature(String),
    /// Third-party code without a signature.
    #[error("`{0}` is third-party code and nobody has signed it")]
    Unsigned(ToolkitId),
    /// The manifest is missing, or the index says something else than it does.
    #[error("`{id}` cannot be installed: {why}")]
    Contract {
        /// The toolkit.
        id: ToolkitId,
        /// What is wrong.
        why: String,
    },
    /// A program imports what its manifest does not declare.
    #[error("`{name}` imports what its manifest does not declare{}", lines(.denied))]
    Imports {
        /// The program.
        name: String,
        /// Each such import, with what it needs.
        denied: Vec<Denial>,
    },
    /// The deployer has not consented to what it asks for.
    #[error("`{id}` cannot be installed: {refused}")]
    Refused {
        /// The toolkit.
        id: ToolkitId,
        /// What was asked.
        refused: Refused,
    },
    /// A name could not be registered.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The artifacts could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl InstallError {
    /// The stable code of the error, for example `install/pin`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Pin { .. } => "install/pin",
            Self::Bundle(error) => error.code(),
            Self::BadSignature(_) => "install/bad-signature",
            Self::Unsigned(_) => "install/unsigned",
            Self::Contract { .. } => "install/contract",
            Self::Imports { .. } => "install/import",
            Self::Refused { refused, .. } => refused.code(),
            Self::Bind(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What the deployer can do about it, if there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            // The toolkit is not here yet, which a consent would otherwise be refused for.
            Self::Refused { id, refused } => {
                let hint = refused.hint(id.as_str());
                Some(hint.replacen(" grant ", " grant --ahead ", 1))
            }
            _ => None,
        }
    }
}

/// As many lines as there are denials, and no more than a screen.
fn lines(denied: &[Denial]) -> String {
    const MOST: usize = 32;
    let mut lines = String::new();
    for denial in denied.iter().take(MOST) {
        let _ = write!(lines, "\n{denial}");
    }
    if let Some(more @ 1..) = denied.len().checked_sub(MOST) {
        let _ = write!(lines, "\nand {more} more");
    }
    lines
}

/// Installs a bundle: all of it or nothing.
///
/// The checks run in this order: the pin, the form of the bundle, the contract in
/// the manifest, the signature, the imports of every program and the consent to it. Only then are artifacts kept, and the table changes last and at once.
///
/// # Errors
///
/// In the order of the checks [`InstallError::Pin`], [`InstallError::Bundle`],
/// [`InstallError::Contract`] (its manifest is read first, as it says whose code it is),
/// [`InstallError::BadSignature`] and [`InstallError::Unsigned`], and for each artifact
/// [`InstallError::Imports`] and [`InstallError::Refused`]; then [`InstallError::Store`] and
/// [`InstallError::Bind`]. The table is then as it was. Artifacts that were kept
/// already stay without a name until the next collection.
pub fn install(
    bytes: &[u8],
    rules: &InstallRules<'_>,
    table: &mut CommandTable,
    artifacts: &dyn Store,
) -> Result<Installed, InstallError> {
    let digest = Digest::of(bytes);
    if let Some(wanted) = rules.pin.filter(|pin| *pin != digest) {
        return Err(InstallError::Pin {
            wanted,
            found: digest,
        });
    }
    let bundle = decode_bundle(bytes, &rules.limits)?;
    let trust = contract(&bundle)?.max(if rules.as_third_party {
        Trust::ThirdParty
    } else {
        Trust::FirstParty
    });
    match rules.signatures.check(bytes, &bundle) {
        Signature::Valid { .. } => {}
        Signature::Invalid { reason } => return Err(InstallError::BadSignature(reason)),
        Signature::Unsigned if trust == Trust::FirstParty || rules.allow_unsigned => {}
        Signature::Unsigned => return Err(InstallError::Unsigned(bundle.id)),
    }
    let tree = if rules.as_third_party {
        distrusted(&bundle)?
    } else {
        bundle.tree
    };
    for part in &bundle.parts {
        check_imports(part)?;
        let consent = rules.consent.filter(|consent| {
            let artifact = part.binding.digest.to_string();
            consent.covers(bundle.id.as_str(), Some(&artifact))
        });
        Grant::decide(part.binding.caps, trust, rules.profile, consent).map_err(|refused| {
            InstallError::Refused {
                id: bundle.id.clone(),
                refused,
            }
        })?;
    }

    let mut changed = table.clone();
    let mut names = Vec::with_capacity(bundle.parts.len());
    for part in bundle.parts {
        artifacts.put(&part.wasm)?;
        let binding = Binding {
            trust,
            // The record of the build stays where the build was.
            provenance: None,
            ..part.binding.in_toolkit(&bundle.id)
        };
        names.push(binding.name.clone());
        if rules.replace {
            changed.replace(binding, artifacts)?;
        } else {
            changed.bind(binding, artifacts)?;
        }
    }
    *table = changed;
    Ok(Installed {
        id: bundle.id,
        digest,
        tree,
        bindings: names
            .iter()
            .filter_map(|name| table.get(name.as_str()))
            .collect(),
    })
}

/// Checks that the bundle's index says what its manifest does, and returns
/// whose code it is.
///
/// The manifest is what people read and, once there are signatures, what is
/// signed; an index that differs would smuggle in another contract.
fn contract(bundle: &Bundle) -> Result<Trust, InstallError> {
    let refused = |why: String| InstallError::Contract {
        id: bundle.id.clone(),
        why,
    };
    let text = bundle
        .tree
        .get("manifest.org")
        .ok_or_else(|| refused("the bundle holds no `manifest.org`".to_owned()))?;
    let reading = read(text);
    if reading.manifest().toolkit.as_ref().map(|id| &id.value) != Some(&bundle.id) {
        return Err(refused(
            "its manifest is that of another toolkit".to_owned(),
        ));
    }
    let entries = palette(&bundle.tree);
    let manifests: Vec<&Manifest> = reading
        .toolkits()
        .iter()
        .chain(entries.iter().map(|entry| entry.reading.manifest()))
        .collect();
    for Part { binding, .. } in &bundle.parts {
        let name = &binding.name;
        let manifest = manifests
            .iter()
            .find(|manifest| manifest.command().as_ref() == Some(name))
            .ok_or_else(|| refused(format!("its manifest declares no command `{name}`")))?;
        if let Some(field) = difference(binding, manifest) {
            return Err(refused(format!(
                "the index and the manifest differ in `{field}` of `{name}`"
            )));
        }
    }
    let trust = manifests.iter().map(|manifest| manifest.trust()).max();
    Ok(trust.unwrap_or_default())
}

/// The documents with the installer's word that the code is somebody else's.
///
/// A task, a native program and a data source have no binding that could say so: what they
/// are is read from the manifest each time.
fn distrusted(bundle: &Bundle) -> Result<Tree, InstallError> {
    let mut tree = bundle.tree.clone();
    let text = tree.get("manifest.org").cloned().unwrap_or_default();
    let mut text = ManifestText::new(text);
    let (key, value) = ("TRUST", Trust::ThirdParty.name());
    let is_marked = |text: &ManifestText| {
        let reading = read(text.as_bytes());
        let mut toolkits = reading.toolkits().iter();
        toolkits.all(|toolkit| toolkit.trust() == Trust::ThirdParty)
    };
    if text.set_keyword(key, value).is_err() || !is_marked(&text) {
        return Err(InstallError::Contract {
            id: bundle.id.clone(),
            why: format!("its manifest cannot be made to say `{value}`"),
        });
    }
    let path = "manifest.org".parse().expect("it is a relative path");
    tree.insert(path, text.into_bytes());
    Ok(tree)
}

fn difference(binding: &Binding, manifest: &Manifest) -> Option<&'static str> {
    let of_manifest = Binding::declared(manifest, binding.name.clone(), binding.digest)?;
    [
        ("EXEC", binding.shape != of_manifest.shape),
        ("ARG_MODE", binding.arg_mode != of_manifest.arg_mode),
        ("CAPS", binding.caps != of_manifest.caps),
        ("TRUST", binding.trust != of_manifest.trust),
        ("WIT", binding.world != of_manifest.world),
        ("ENTRY", binding.entry != of_manifest.entry),
    ]
    .into_iter()
    .find_map(|(field, differs)| differs.then_some(field))
}

fn check_imports(part: &Part) -> Result<(), InstallError> {
    let name = part.binding.name.to_string();
    let shape = ProgramShape::read(&part.wasm)
        .map_err(|error| BundleError::Index(format!("part `{name}` is {error}")))?;
    let declared = part.binding.caps;
    let undeclared = shape.imports.iter().copied();
    let undeclared = undeclared.filter(|import| !import.requirement().is_met_by(declared));
    // Against the least of grants each denial names the smallest profile that would do.
    let mut denied = denied_imports(undeclared, &Grant::none(), &Profiles::built_in());
    if denied.is_empty() {
        return Ok(());
    }
    for denial in &mut denied {
        denial.import = clip(&denial.import);
    }
    Err(InstallError::Imports { name, denied })
}

#[cfg(test)]
mod tests;
