use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::rel_path::clip;
use crate::{InvalidPath, Lang, RelDir};

/// Where the artifact of a toolkit comes from: `#+BUILD_SRC`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildSrc {
    /// `path:<dir>`: the sources in a directory of the toolkit.
    Path(RelDir),
    /// `crate:<name>[@<version>]`: a crate of the Rust registry.
    Crate(CrateRef),
    /// `wasm:<url>`: a prebuilt module, named by `#+SHA256`.
    Wasm(HttpsUrl),
    /// `archive:<url>`: a prebuilt bundle, named by `#+SHA256`.
    Archive(HttpsUrl),
    /// `git+<url>#<commit>`: a repository at one commit.
    Git(GitRef),
    /// `gobuild:<package>`: a Go package.
    GoBuild(String),
    /// `zigbuild:<dir>`: a directory with a `build.zig`.
    ZigBuild(RelDir),
    /// `script:<file>`: a native build script, which is never run.
    Script(String),
    /// Anything else, as written.
    Unknown(String),
}

impl BuildSrc {
    /// The prefixes there are.
    pub const PREFIXES: &[&str] = &[
        "path:",
        "crate:",
        "wasm:",
        "archive:",
        "git+",
        "gobuild:",
        "zigbuild:",
    ];

    /// Whether it is downloaded ready-made, so that `#+SHA256` must name it.
    pub const fn is_prebuilt(&self) -> bool {
        matches!(self, Self::Wasm(_) | Self::Archive(_))
    }

    /// The language that the form itself implies.
    pub const fn lang(&self) -> Option<Lang> {
        match self {
            Self::Crate(_) => Some(Lang::Rust),
            Self::GoBuild(_) => Some(Lang::Go),
            Self::ZigBuild(_) => Some(Lang::Zig),
            _ => None,
        }
    }
}

/// Why a text is no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSource {
    /// The path does not stay inside of the toolkit.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// The address is none that may be fetched.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// No commit, or a branch or tag, which can move.
    #[error("no pinned commit in `{}`, expected `git+https://…#<commit>`", clip(.found))]
    Unpinned {
        /// What was written.
        found: String,
    },
    /// Not the name of a crate or package.
    #[error("`{}` is no {what}, expected one like `{example}`", clip(.found))]
    Name {
        /// What should be named.
        what: &'static str,
        /// How it would be written.
        example: &'static str,
        /// What was written.
        found: String,
    },
}

impl FromStr for BuildSrc {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        if let Some(rest) = text.strip_prefix("git+") {
            return rest.parse().map(Self::Git);
        }
        let Some((prefix, rest)) = text.split_once(':') else {
            return Ok(Self::Unknown(text.to_owned()));
        };
        Ok(match prefix {
            "path" => Self::Path(rest.parse()?),
            "crate" => Self::Crate(rest.parse()?),
            "wasm" => Self::Wasm(rest.parse()?),
            "archive" => Self::Archive(rest.parse()?),
            "gobuild" => Self::GoBuild(go_package(rest)?),
            "zigbuild" => Self::ZigBuild(rest.parse()?),
            "script" => Self::Script(rest.to_owned()),
            _ => Self::Unknown(text.to_owned()),
        })
    }
}

fn go_package(text: &str) -> Result<String, InvalidSource> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._~-/@".contains(c);
    let path = text.strip_prefix("./").unwrap_or(text);
    let stays = !path.starts_with('/') && path.split('/').all(|part| part != "..");
    if text.is_empty() || text.len() > 255 || !text.chars().all(allowed) || !stays {
        return Err(InvalidSource::Name {
            what: "Go package",
            example: "./cmd/rev",
            found: text.to_owned(),
        });
    }
    Ok(text.to_owned())
}

impl fmt::Display for BuildSrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(dir) => write!(f, "path:{dir}"),
            Self::Crate(name) => write!(f, "crate:{name}"),
            Self::Wasm(url) => write!(f, "wasm:{url}"),
            Self::Archive(url) => write!(f, "archive:{url}"),
            Self::Git(git) => write!(f, "git+{git}"),
            Self::GoBuild(package) => write!(f, "gobuild:{package}"),
            Self::ZigBuild(dir) => write!(f, "zigbuild:{dir}"),
            Self::Script(file) => write!(f, "script:{file}"),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl serde::Serialize for BuildSrc {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl schemars::JsonSchema for BuildSrc {
    fn schema_name() -> Cow<'static, str> {
        "BuildSrc".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Where the artifact comes from, such as `path:src`",
            "type": "string",
        })
    }
}

/// A crate by name, at one version or the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrateRef {
    /// Its name.
    pub name: String,
    /// The version behind the `@`.
    pub version: Option<semver::Version>,
}

impl fmt::Display for CrateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl FromStr for CrateRef {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        let invalid = || InvalidSource::Name {
            what: "crate",
            example: "ripgrep@14.1.0",
            found: text.to_owned(),
        };
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version.parse().map_err(|_| invalid())?)),
            None => (text, None),
        };
        // The registry's own rule: at most 64 characters, a letter first.
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let named = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.len() <= 64
            && name.chars().all(letters);
        if !named {
            return Err(invalid());
        }
        Ok(Self {
            name: name.to_owned(),
            version,
        })
    }
}

/// A repository at one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitRef {
    /// The repository.
    pub url: HttpsUrl,
    /// The commit: 40 hex digits, or 64 where the repository uses SHA-256.
    pub commit: String,
}

impl fmt::Display for GitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.url, self.commit)
    }
}

impl FromStr for GitRef {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        let unpinned = || InvalidSource::Unpinned {
            found: format!("git+{text}"),
        };
        let (url, commit) = text.split_once('#').ok_or_else(unpinned)?;
        let hex = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hex || !matches!(commit.len(), 40 | 64) {
            return Err(unpinned());
        }
        Ok(Self {
            url: url.parse()?,
            commit: commit.to_ascii_lowercase(),
        })
    }
}

/// An `https` address without credentials in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpsUrl(String);

impl HttpsUrl {
    /// Longest address in bytes that servers and proxies commonly pass on.
    pub const MAX_LEN: usize = 2048;

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, and the port if one is given.
    pub fn authority(&self) -> &str {
        let rest = &self.0["https://".len()..];
        &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())]
    }
}

/// Why a text is no address to fetch from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// Not `https`.
    #[error("`{}` does not start with `https://`", clip(.found))]
    Scheme {
        /// What was written.
        found: String,
    },
    /// No host.
    #[error("no host in `{}`", clip(.found))]
    Host {
        /// What was written.
        found: String,
    },
    /// A name or password before an `@`, which would be published.
    #[error("credentials in a url, expected one without `…@`")]
    Credentials,
    /// Longer than [`HttpsUrl::MAX_LEN`].
    #[error("a url of {found} bytes, expected at most {}", HttpsUrl::MAX_LEN)]
    TooLong {
        /// Length in bytes.
        found: usize,
    },
    /// A blank or control character.
    #[error("{character:?} in a url, expected it percent-encoded")]
    Character {
        /// The first such character.
        character: char,
    },
}

impl FromStr for HttpsUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        if text.len() > Self::MAX_LEN {
            return Err(InvalidUrl::TooLong { found: text.len() });
        }
        let odd = |c: &char| c.is_whitespace() || c.is_control() || *c == '\\';
        if let Some(character) = text.chars().find(odd) {
            return Err(InvalidUrl::Character { character });
        }
        if !text.starts_with("https://") {
            return Err(InvalidUrl::Scheme {
                found: text.to_owned(),
            });
        }
        let url = Self(text.to_owned());
        let authority = url.authority();
        if authority.contains('@') {
            return Err(InvalidUrl::Credentials);
        }
        if authority.is_empty() || authority.starts_with(':') {
            return Err(InvalidUrl::Host {
                found: text.to_owned(),
            });
        }
        Ok(url)
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl serde::Serialize for HttpsUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl schemars::JsonSchema for HttpsUrl {
    fn schema_name() -> Cow<'static, str> {
        "HttpsUrl".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^https://" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn refused(text: &str) -> String {
        text.parse::<BuildSrc>().unwrap_err().to_string()
    }

    #[test]
    fn every_form_reads_back() {
        for text in [
            "path:.",
            "path:src",
            "crate:ripgrep",
            "crate:ripgrep@14.1.0",
            "wasm:https://example.org/rev.wasm",
            "archive:https://example.org:8443/rev.tar.gz?raw=1",
            "gobuild:./cmd/rev",
            "gobuild:example.org/rev/cmd@v1.2.0",
            "zigbuild:src",
            "script:build.sh",
            "docker:image",
            "src",
        ] {
            assert_eq!(text.parse::<BuildSrc>().unwrap().to_string(), text);
        }
        let git = format!("git+https://example.org/rev.git#{COMMIT}");
        assert_eq!(git.parse::<BuildSrc>().unwrap().to_string(), git);
    }

    #[test]
    fn paths_stay_inside() {
        assert!(refused("path:../other").starts_with("`..` in path"));
        assert!(refused("path:/usr/src").starts_with("the absolute path"));
        assert!(refused("path:").starts_with("an empty path"));
        assert!(refused("gobuild:../cmd").contains("is no Go package"));
    }

    #[test]
    fn commits_are_pinned() {
        assert!(refused("git+https://example.org/rev.git").starts_with("no pinned commit"));
        assert!(refused("git+https://example.org/rev.git#main").starts_with("no pinned commit"));
        assert!(refused(&format!("git+ssh://example.org/rev#{COMMIT}")).contains("https://"));
    }

    #[test]
    fn only_https_without_credentials_is_fetched() {
        assert!(refused("wasm:http://example.org/a").ends_with("does not start with `https://`"));
        assert!(refused("wasm:https:///a").starts_with("no host"));
        assert!(refused("wasm:https://me:key@example.org/a").starts_with("credentials"));
        assert!(refused("wasm:https://example.org/a b").starts_with("' ' in a url"));
    }

    proptest! {
        #[test]
        fn what_is_accepted_prints_what_reads_the_same(text in "(path|crate|wasm|archive|gobuild|x)?[:+]?\\PC{0,20}") {
            if let Ok(source) = text.parse::<BuildSrc>() {
                prop_assert_eq!(source.to_string().parse(), Ok(source));
            }
        }
    }
}
