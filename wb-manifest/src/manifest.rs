use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use wb_oql::Span;
use wb_policy::{ArgMode, Cap, CapSet, Shape, Trust};

use crate::recipe::{Check, Recipe};
use crate::skill_index::SkillEntry;
use crate::{
    BuildSrc, CommandName, Digest, HttpsUrl, InvalidPath, Lang, RelDir, RelPath, Spanned, Status,
    ToolkitId,
};

/// What a manifest states about one toolkit.
///
/// A field is `None` when the manifest does not state it, states it empty, or
/// states it so that it cannot be read; the diagnostics say which. Serializes
/// without the places.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Manifest {
    /// `#+TITLE`: title for people.
    pub title: Option<Spanned<String>>,
    /// `#+TOOLKIT` or the drawer's `:ID:`.
    pub toolkit: Option<Spanned<ToolkitId>>,
    /// `#+VERSION`: version of the wrapper.
    #[schemars(schema_with = "version_schema")]
    pub version: Option<Spanned<semver::Version>>,
    /// `#+STATUS`: how far it has come.
    pub status: Option<Spanned<Status>>,
    /// `#+TAGLINE`: one sentence that says when to reach for it.
    pub tagline: Option<Spanned<String>>,
    /// `#+EXEC`: how the artifact is invoked; none for discovery-only toolkits.
    #[schemars(schema_with = "shape_schema")]
    pub exec: Option<Spanned<Shape>>,
    /// `#+TRUST`: whose code it is, see [`trust`](Self::trust).
    #[schemars(schema_with = "trust_schema")]
    pub trust: Option<Spanned<Trust>>,
    /// `#+CAPS`: what it may use of the host, see [`cap_set`](Self::cap_set).
    #[schemars(schema_with = "caps_schema")]
    pub caps: Vec<Spanned<Cap>>,
    /// `#+BUILD_LANG`: language of the sources, see [`lang`](Self::lang).
    pub build_lang: Option<Spanned<Lang>>,
    /// `#+BUILD_SRC`: where the artifact comes from.
    pub build_src: Option<Spanned<BuildSrc>>,
    /// `#+CLI_BIN` or the drawer's `:CLI_BIN:`.
    pub cli_bin: Option<Spanned<CommandName>>,
    /// `#+CLI_VERSION_RANGE`: versions of the upstream program.
    #[schemars(schema_with = "range_schema")]
    pub cli_version_range: Option<Spanned<semver::VersionReq>>,
    /// `#+REQUIRES`: further programs that the skills assume.
    pub requires: Vec<Spanned<Requirement>>,
    /// `#+ARG_MODE`: how a command receives its arguments.
    #[schemars(schema_with = "arg_mode_schema")]
    pub arg_mode: Option<Spanned<ArgMode>>,
    /// `#+SHA256`: digest of a prebuilt artifact.
    pub sha256: Option<Spanned<Digest>>,
    /// `#+WASM_PATH`: the module inside of an archive.
    pub wasm_path: Option<Spanned<RelPath>>,
    /// `#+PREOPEN`: what of an archive the module sees.
    pub preopen: Option<Spanned<Preopen>>,
    /// `#+AUTHOR_DID`: who signed it.
    pub author_did: Option<Spanned<Did>>,
    /// `#+SIGNATURE`: base64 of the 64 bytes of an Ed25519 signature.
    pub signature: Option<Spanned<String>>,
    /// `#+WIT`: the world of a component, see [`world`](Self::world).
    pub wit: Option<Spanned<String>>,
    /// `#+ENTRY`: the export that is called, see [`entry`](Self::entry).
    pub entry: Option<Spanned<String>>,
    /// What makes it a data source.
    pub federation: Federation,
    /// `#+SKILL_DIR` or the drawer's `:SKILL_DIR:`, see
    /// [`skill_dir`](Self::skill_dir).
    pub skill_dir: Option<Spanned<RelDir>>,
    /// `#+RUNTIME`: name of a palette entry.
    pub runtime: Option<Spanned<String>>,
    /// The `:role task` blocks.
    pub recipes: Vec<Recipe>,
    /// The `:role pre` and `:role post` blocks.
    pub checks: Vec<Check>,
    /// The rows of the skill table.
    pub skills: Vec<SkillEntry>,
    /// Keywords this version does not know, as written.
    pub unknown: Vec<UnknownKeyword>,
    /// The `:toolkit:` headline; empty when there is none.
    #[serde(skip)]
    pub headline: Span,
}

impl Manifest {
    /// Whose code it is: first-party unless the manifest says otherwise.
    pub fn trust(&self) -> Trust {
        self.trust.map_or_else(Trust::default, |trust| trust.value)
    }

    /// The capabilities in `#+CAPS`.
    pub fn cap_set(&self) -> CapSet {
        self.caps.iter().map(|cap| cap.value).collect()
    }

    /// The shape of the artifact; `None` for a discovery-only toolkit.
    pub fn shape(&self) -> Option<Shape> {
        self.exec.map(|exec| exec.value)
    }

    /// The language: as stated, or implied by the source.
    pub fn lang(&self) -> Option<Lang> {
        let implied = || self.build_src.as_ref()?.lang();
        self.build_lang.map(|lang| lang.value).or_else(implied)
    }

    /// How a command receives its arguments: `argv` unless stated otherwise.
    pub fn arg_mode(&self) -> ArgMode {
        self.arg_mode
            .map_or_else(ArgMode::default, |mode| mode.value)
    }

    /// The name to register the artifact by: `#+CLI_BIN`, else the id.
    pub fn command(&self) -> Option<CommandName> {
        match (&self.cli_bin, &self.toolkit) {
            (Some(name), _) => Some(name.value.clone()),
            (None, Some(id)) => Some(id.value.clone().into()),
            (None, None) => None,
        }
    }

    /// The WIT world of a component.
    pub fn world(&self) -> &str {
        self.wit.as_ref().map_or("engine", |wit| &wit.value)
    }

    /// The export that is called: `process` for a kernel, else `run`, unless
    /// stated otherwise.
    pub fn entry(&self) -> &str {
        match (&self.entry, self.shape()) {
            (Some(entry), _) => entry,
            (None, Some(Shape::Kernel)) => "process",
            (None, _) => "run",
        }
    }

    /// Where the skills are: `skills` unless stated otherwise.
    pub fn skill_dir(&self) -> RelDir {
        match &self.skill_dir {
            Some(dir) => dir.value.clone(),
            None => RelDir::named("skills"),
        }
    }

    /// The recipe `name`.
    pub fn recipe(&self, name: &str) -> Option<&Recipe> {
        self.recipes
            .iter()
            .find(|recipe| recipe.name.as_str() == name)
    }
}

/// The keywords of a federation toolkit.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Federation {
    /// `#+URL`: address of the source.
    pub url: Option<Spanned<HttpsUrl>>,
    /// `#+ROWS_PATH`: where the rows are in an answer.
    pub rows_path: Option<Spanned<String>>,
    /// `#+ENV_KEYS`: names of the credentials that the host's broker fills in.
    pub env_keys: Vec<Spanned<String>>,
    /// `#+ENTITIES`: the tables it offers.
    pub entities: Vec<Spanned<String>>,
    /// `#+INTERVAL_MS`: milliseconds between two syncs.
    pub interval_ms: Option<Spanned<u64>>,
}

/// A program that the skills assume, such as `node>=20`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Requirement {
    /// Its name.
    pub name: CommandName,
    /// Its versions; `None` for any.
    #[schemars(schema_with = "range_schema")]
    pub range: Option<semver::VersionReq>,
}

/// A word that is no requirement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no requirement, expected one like `node>=20`", crate::rel_path::clip(.0))]
pub struct InvalidRequirement(String);

impl FromStr for Requirement {
    type Err = InvalidRequirement;

    fn from_str(text: &str) -> Result<Self, InvalidRequirement> {
        let invalid = || InvalidRequirement(text.to_owned());
        let at = text
            .find(['<', '>', '=', '^', '~', '@'])
            .unwrap_or(text.len());
        let (name, range) = text.split_at(at);
        let range = match range.strip_prefix('@').unwrap_or(range) {
            "" if at == text.len() => None,
            range => Some(parse_range(range).map_err(|_| invalid())?),
        };
        Ok(Self {
            name: name.parse().map_err(|_| invalid())?,
            range,
        })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        match &self.range {
            Some(range) => range.fmt(f),
            None => Ok(()),
        }
    }
}

/// Reads a version range; comparators may be separated by blanks as in npm.
pub(crate) fn parse_range(text: &str) -> Result<semver::VersionReq, semver::Error> {
    if text.contains(',') {
        return text.parse();
    }
    let mut list = String::with_capacity(text.len());
    let mut operator = true;
    for word in text.split_ascii_whitespace() {
        if !operator {
            list.push(',');
        }
        list.push_str(word);
        operator = word.chars().all(|c| "<>=^~".contains(c));
    }
    list.parse()
}

/// What of an archive the module sees, and where: `<dir>::<guest path>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preopen {
    /// A directory of the archive.
    pub dir: RelDir,
    /// Its absolute path inside of the guest, `/` unless stated otherwise.
    pub guest: String,
}

impl FromStr for Preopen {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let (dir, guest) = text.split_once("::").unwrap_or((text, "/"));
        let inner = guest.trim_start_matches('/');
        if !inner.is_empty() {
            inner.trim_end_matches('/').parse::<RelPath>()?;
        }
        Ok(Self {
            dir: dir.parse()?,
            guest: format!("/{}", inner.trim_end_matches('/')),
        })
    }
}

impl fmt::Display for Preopen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.dir, self.guest)
    }
}

impl Serialize for Preopen {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Preopen {
    fn schema_name() -> Cow<'static, str> {
        "Preopen".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A directory of the archive and its path inside of the guest",
            "type": "string",
            "pattern": "^.+::/.*$",
        })
    }
}

/// A decentralized identifier, by its outer form.
///
/// Whether it holds a key is for whoever checks signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Did(String);

impl Did {
    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no decentralized identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no did, expected one like `did:key:z6Mk…`", crate::rel_path::clip(.0))]
pub struct InvalidDid(String);

impl FromStr for Did {
    type Err = InvalidDid;

    // W3C DID Core 1.0, section 3.1.
    fn from_str(text: &str) -> Result<Self, InvalidDid> {
        let id_char = |c: char| c.is_ascii_alphanumeric() || ".-_:%".contains(c);
        let valid = text.len() <= 255
            && text
                .strip_prefix("did:")
                .and_then(|rest| rest.split_once(':'))
                .is_some_and(|(method, id)| {
                    !method.is_empty()
                        && method
                            .chars()
                            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
                        && !id.is_empty()
                        && id.chars().all(id_char)
                });
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDid(text.to_owned()))
        }
    }
}

/// A keyword that this version does not know, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnknownKeyword {
    /// The key between `#+` and `:`.
    pub key: Spanned<String>,
    /// The value; empty when there is none.
    pub value: Spanned<String>,
}

fn version_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "description": "A semantic version", "type": ["string", "null"] })
}

fn range_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "description": "A range of versions", "type": ["string", "null"] })
}

fn shape_schema(_: &mut SchemaGenerator) -> Schema {
    let names = Shape::ALL
        .map(|shape| Some(shape.name()))
        .into_iter()
        .chain([None]);
    json_schema!({
        "description": "How the artifact is invoked; null for discovery-only toolkits",
        "enum": names.collect::<Vec<_>>(),
    })
}

fn arg_mode_schema(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<_> = ArgMode::NAMES
        .iter()
        .copied()
        .map(Some)
        .chain([None])
        .collect();
    json_schema!({
        "description": "How a command receives its arguments; null is argv",
        "enum": names,
    })
}

fn trust_schema(_: &mut SchemaGenerator) -> Schema {
    let names = [
        Some(Trust::FirstParty.name()),
        Some(Trust::ThirdParty.name()),
        None,
    ];
    json_schema!({ "description": "Whose code it is; null is first-party", "enum": names })
}

fn caps_schema(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<_> = Cap::ALL.into_iter().map(Cap::name).collect();
    json_schema!({
        "description": "What it may use of the host",
        "type": "array",
        "items": { "enum": names },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_as_people_write_them() {
        let shown = |text: &str| text.parse::<Requirement>().map(|found| found.to_string());
        assert_eq!(shown("git").unwrap(), "git");
        assert_eq!(shown("node>=20").unwrap(), "node>=20");
        assert_eq!(shown("node@20.1").unwrap(), "node^20.1");
        assert!(shown("node>=").is_err());
        assert!(shown(">=20").is_err());
        assert!(shown("node>=twenty").is_err());
    }

    #[test]
    fn ranges_may_be_separated_by_blanks() {
        assert_eq!(
            parse_range(">= 2.1 <3").unwrap(),
            parse_range(">=2.1, <3").unwrap()
        );
        assert!(parse_range("latest").is_err());
    }

    #[test]
    fn a_preopen_stays_inside_of_the_archive() {
        assert_eq!("lib".parse::<Preopen>().unwrap().to_string(), "lib::/");
        assert_eq!(
            ".::/usr/lib/".parse::<Preopen>().unwrap().to_string(),
            ".::/usr/lib"
        );
        assert!("..::/".parse::<Preopen>().is_err());
        assert!("lib::/../etc".parse::<Preopen>().is_err());
    }

    #[test]
    fn a_did_has_a_method_and_an_id() {
        assert!(
            "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
                .parse::<Did>()
                .is_ok()
        );
        for text in [
            "",
            "did:",
            "did:key",
            "did:key:",
            "key:z6Mk",
            "did:KEY:z",
            "did:key:a b",
        ] {
            assert!(text.parse::<Did>().is_err(), "{text}");
        }
    }
}
