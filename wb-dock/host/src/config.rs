//! `config.toml`: what the deployer says about isolation, networks and models.

use std::fs;
use std::io;

use bytes::Bytes;
use serde::Deserialize;
use url::Url;
use wb_manifest::{Diagnostic, RelPath, Severity, Span};
use wb_policy::Posture;
use wb_services::{Egress, Format, Network, Provider};

use crate::error::{Error, ErrorKind, ManifestFault};
use crate::home::Home;

mod programs;

pub use programs::NativePrograms;

/// What the deployer says in `config.toml`; every table may be absent.
///
/// ```toml
/// [isolation]
/// third-party = "container"     # instance, process, vm or container; default: process
/// posix = "process"             # native programs; default: container
///
/// [posix]                       # native programs that toolkits may run; default: none
/// programs = ["sort", "/opt/ffmpeg/bin/ffmpeg"]
///
/// [egress]                      # beside the public internet
/// networks = ["10.2.0.0/16"]
/// hosts = ["db.internal"]
/// deny = ["192.0.2.0/24"]
///
/// [llm]                         # without it, nothing stands behind `llm`
/// format = "openai"             # or anthropic
/// base = "http://127.0.0.1:11434/v1"
/// model = "qwen3"
/// key = "LLM_KEY"               # a secret of `wbx secret set --deployer`
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// What is demanded of isolation.
    pub isolation: Posture,
    /// The native programs that may run.
    pub posix: NativePrograms,
    /// What guests may reach beside the public internet.
    pub egress: Reach,
    /// The language model, if there is one.
    pub llm: Option<Model>,
}

/// What guests may reach beside the public internet, and what they may not.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reach {
    networks: Vec<Block>,
    hosts: Vec<String>,
    deny: Vec<Block>,
}

/// A language model behind `llm`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    format: Format,
    base: Base,
    #[serde(rename = "model")]
    name: String,
    key: Option<String>,
}

/// A block of addresses, checked as it is read, so that an error has its place.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Block(Network);

impl TryFrom<String> for Block {
    type Error = wb_services::NetworkError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// The address below which a model answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Base {
    text: String,
    host: String,
}

impl TryFrom<String> for Base {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wanted = || format!("`{text}` is no base of a model, expected http:// or https://");
        let url = Url::parse(&text).map_err(|_| wanted())?;
        let host = match url.host() {
            Some(url::Host::Domain(name)) => name.to_owned(),
            Some(url::Host::Ipv4(address)) => address.to_string(),
            Some(url::Host::Ipv6(address)) => address.to_string(),
            None => return Err(wanted()),
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wanted());
        }
        Ok(Self { text, host })
    }
}

impl Config {
    /// Reads the `config.toml` of `home`; the default when there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadConfig`] with the place of what cannot be meant.
    pub fn load(home: &Home) -> Result<Self, Error> {
        match fs::read_to_string(home.config()) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::io("read", "config.toml", error)),
        }
    }

    fn parse(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| {
            let reason = error.message().to_owned();
            let place = error.span().unwrap_or_default();
            let span = Span::new(place.start as u32, place.end as u32);
            let path: Result<RelPath, _> = "config.toml".parse();
            let fault = path.ok().map(|path| {
                let text = Bytes::copy_from_slice(text.as_bytes());
                let code = "host/bad-config";
                let diagnostic = Diagnostic::new(Severity::Error, code, span, reason.clone());
                Box::new(ManifestFault {
                    path,
                    text,
                    diagnostic,
                })
            });
            ErrorKind::BadConfig { reason, fault }.into()
        })
    }
}

impl Reach {
    /// The policy for what guests ask for.
    pub(crate) fn egress(&self) -> Egress {
        let hosts = self.hosts.iter();
        let egress = hosts.fold(Egress::public(), |egress, host| egress.allow_host(host));
        let networks = self.networks.iter();
        let egress = networks.fold(egress, |egress, block| egress.allow(block.0));
        let denied = self.deny.iter();
        denied.fold(egress, |egress, block| egress.deny(block.0))
    }
}

impl Model {
    /// The policy for what the host itself asks its model: wherever the deployer put it.
    pub(crate) fn egress(&self) -> Egress {
        Egress::public().allow_host(&self.base.host)
    }

    pub(crate) fn provider(&self) -> Provider {
        let provider = Provider::new(self.format, &*self.base.text, &*self.name);
        match &self.key {
            Some(key) => provider.key(key),
            None => provider,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wb_policy::Tier;

    #[test]
    fn every_table_may_be_absent() {
        let config = Config::parse("").unwrap();
        assert_eq!(config.isolation, Posture::default());
        assert!(config.llm.is_none());
    }

    #[test]
    fn what_the_deployer_says_holds() {
        let config = Config::parse(
            "[isolation]\nthird-party = \"container\"\n\
             [egress]\nnetworks = [\"10.2.0.0/16\"]\nhosts = [\"db.internal\"]\n\
             deny = [\"93.184.215.0/24\"]\n\
             [posix]\nprograms = [\"sh\", \"/opt/x/ffmpeg\", \"wb-nowhere\"]\n\
             [llm]\nformat = \"openai\"\nbase = \"http://127.0.0.1:11434/v1\"\nmodel = \"m\"\n",
        )
        .unwrap();
        assert_eq!(config.isolation.third_party, Tier::Container);
        let found = |name| config.posix.find(name);
        assert!(found("sh").unwrap().is_absolute());
        assert_eq!(found("ffmpeg"), Some("/opt/x/ffmpeg".into()));
        assert_eq!(found("wb-nowhere"), Some("wb-nowhere".into()));
        assert_eq!(found("ls"), None);
        let egress = config.egress.egress();
        for (host, address, reachable) in [
            ("a.example", "10.2.0.7", true),
            ("a.example", "10.3.0.7", false),
            ("db.internal", "192.168.0.1", true),
            ("example.org", "93.184.215.14", false),
            ("127.0.0.1", "127.0.0.1", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(egress.permits(host, address), reachable, "{host} {address}");
        }
        let model = config.llm.unwrap();
        let own = model.egress();
        assert!(own.permits("127.0.0.1", "127.0.0.1".parse().unwrap()));
        assert!(!own.permits("localhost", "127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        for (text, at, message) in [
            (
                "[egress]\nnetworks = [\"10.0.0.1/8\"]\n",
                "[\"10.0.0.1/8\"]",
                "no block",
            ),
            ("[egres]\n", "egres", "unknown field"),
            (
                "[isolation]\nthird-party = \"jail\"\n",
                "\"jail\"",
                "unknown variant",
            ),
            (
                "[llm]\nformat = \"openai\"\nmodel = \"m\"\nbase = \"file:///x\"\n",
                "\"file:///x\"",
                "no base of a model",
            ),
            (
                "[posix]\nprograms = [\"bin/sort\"]\n",
                "[\"bin/sort\"]",
                "neither the name",
            ),
            ("[egress\n", "", ""),
        ] {
            let error = Config::parse(text).unwrap_err();
            assert_eq!(error.code(), "host/bad-config");
            assert!(error.to_string().contains(message), "{error}");
            let ErrorKind::BadConfig {
                fault: Some(fault), ..
            } = error.kind()
            else {
                panic!("{error}")
            };
            let span = fault.diagnostic.span;
            let found = &text[span.start as usize..span.end as usize];
            assert!(at.is_empty() || found == at, "{found} for {at}");
        }
    }
}
