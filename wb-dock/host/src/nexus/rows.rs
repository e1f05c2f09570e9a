//! Rows of a data source: the federation shape.

use std::io::Read as _;

use bytes::Bytes;
use wb_dock::Session;
use wb_dock::cap::{Net, Principal, Request};
use wb_manifest::{ToolkitId, read};
use wb_policy::{Budget, Cap, CapSet, Grant, Profile, Shape, Trust};
use wb_registry::federation::{self, Broker, JsonSource, Provider as _, Row};

use super::Nexus;
use super::run::TENANT;
use crate::error::{Error, ErrorKind};
use crate::toolkits::Toolkits;

/// Redirects that are followed, each judged like the first request.
const REDIRECTS: u8 = 5;

/// A data source as its toolkit declares it; made by [`Nexus::source`].
#[derive(Clone, Debug)]
pub struct Source {
    json: JsonSource,
    toolkit: ToolkitId,
    declared: CapSet,
    trust: Trust,
}

impl Source {
    /// What can be asked for, in the order of the manifest.
    pub fn entities(&self) -> &[String] {
        self.json.entities()
    }
}

impl Nexus {
    /// The data source that the toolkit `id` of `toolkits` declares. Nothing is asked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchToolkit`]; [`ErrorKind::Federation`] for another shape and for
    /// a source that cannot be asked as its manifest declares it.
    pub fn source(&self, toolkits: &Toolkits, id: &ToolkitId) -> Result<Source, Error> {
        let reading = read(&toolkits.manifest(id)?);
        let mut manifests = reading.toolkits().iter();
        let declared = manifests.find(|manifest| manifest.shape() == Some(Shape::Federation));
        let manifest = declared.unwrap_or_else(|| reading.manifest());
        let json = JsonSource::declared(manifest)?;
        // A source is a request, whether or not the manifest says so once more; and one
        // with a credential in it names a secret.
        let mut declared = manifest.cap_set().with(Cap::Net);
        if !manifest.federation.env_keys.is_empty() {
            declared = declared.with(Cap::Secrets);
        }
        Ok(Source {
            json,
            toolkit: id.clone(),
            declared,
            trust: self.trust_in(id, manifest)?,
        })
    }

    /// The rows of `entity` as the source has them now.
    ///
    /// The request goes where the grant, the scope of `net` and the deployer's egress
    /// policy let it go, and costs what `profile` allows. Its credential is filled in
    /// where it leaves this process, if the secret may be sent there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] without consent to somebody else's toolkit;
    /// [`ErrorKind::SourceNotGranted`] when profile or consent are in the way;
    /// [`ErrorKind::Federation`] says whether source, request or answer is at fault.
    pub fn rows(
        &self,
        source: &Source,
        entity: &str,
        profile: &Profile,
    ) -> Result<Vec<Row>, Error> {
        let grant = self.source_grant(source, profile)?;
        let session = Session {
            id: format!("{}-{}", std::process::id(), crate::unix_time().as_millis()),
            tenant: TENANT.to_owned(),
        };
        let name = source.toolkit.as_str();
        let budget = Budget::new(name, grant.limits());
        let broker = GuardedBroker {
            net: self.deployment()?.net(),
            who: Principal::new(&session, name, &grant, budget),
        };
        Ok(source.json.rows(entity, &broker)?)
    }

    fn source_grant(&self, source: &Source, profile: &Profile) -> Result<Grant, Error> {
        let consent = self.toolkit_consent(&source.toolkit, source.trust)?;
        let grant = Grant::decide(source.declared, source.trust, profile, consent.as_ref());
        let grant = grant.map_err(|refused| {
            let toolkit = source.toolkit.to_string();
            ErrorKind::Refused { toolkit, refused }
        })?;
        let needed = [Cap::Net, Cap::Secrets].into_iter();
        let mut needed = needed.filter(|cap| source.declared.contains(*cap));
        let Some(missing) = needed.find(|cap| !grant.caps().contains(*cap)) else {
            return Ok(grant);
        };
        let why = if profile.caps().contains(missing) {
            "which the deployer has not consented to".to_owned()
        } else {
            format!("which profile `{}` does not grant", profile.name())
        };
        let toolkit = source.toolkit.to_string();
        let reason = format!("it needs `{missing}`, {why}");
        Err(ErrorKind::SourceNotGranted { toolkit, reason }.into())
    }
}

/// Sends the requests of a source as a guest would: through the same service, under
/// the same guard, on the account of `who`.
struct GuardedBroker<'a> {
    net: &'a dyn Net,
    who: Principal<'a>,
}

impl Broker for GuardedBroker<'_> {
    fn send(&self, request: &federation::Request) -> Result<Bytes, String> {
        let headers = request.headers.iter();
        let request = Request {
            method: "GET".to_owned(),
            url: request.url.to_string(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), Bytes::from(value.clone())))
                .collect(),
            body: Bytes::new(),
            timeouts: wb_dock::cap::Timeouts::default(),
            redirects: REDIRECTS,
        };
        let sent = self.net.send(&self.who, request);
        let mut response = sent.map_err(|failure| failure.to_string())?;
        if !(200..300).contains(&response.status) {
            return Err(format!("it answers with status {}", response.status));
        }
        // The service keeps it within its limit.
        let mut body = Vec::new();
        let read = response.body.read_to_end(&mut body);
        read.map_err(|error| format!("its answer breaks off: {error}"))?;
        Ok(body.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use wb_dock::cap::{Failure, Response};

    use super::*;
    use crate::Home;
    use crate::atomic::Mode;

    /// A service that answers as it is told.
    struct Answers(u16, &'static str);

    impl Net for Answers {
        fn send(&self, _: &Principal<'_>, request: Request) -> Result<Response, Failure> {
            assert_eq!(request.method, "GET");
            let key = request
                .headers
                .iter()
                .find(|(name, _)| name == "authorization");
            assert_eq!(key.unwrap().1, "Bearer {{secret:TOKEN}}");
            if self.0 == 0 {
                return Err(Failure::refused("out of reach"));
            }
            Ok(Response {
                status: self.0,
                url: request.url,
                headers: Vec::new(),
                body: Box::new(io::Cursor::new(self.1)),
            })
        }
    }

    fn source(nexus: &Nexus, trust: &str) -> Source {
        let manifest = format!(
            "#+TITLE: Issues\n#+TOOLKIT: issues\n#+EXEC: federation\n#+TRUST: {trust}\n\
             #+URL: https://api.example.org/issues\n#+ROWS_PATH: items\n\
             #+ENV_KEYS: TOKEN\n#+ENTITIES: issue\n\n* Issues :toolkit:\n"
        );
        let toolkits = Toolkits::at(nexus.home().toolkits());
        let id = "issues".parse().unwrap();
        let mut tree = wb_manifest::Tree::new();
        tree.insert("manifest.org".parse().unwrap(), manifest);
        toolkits.replace(&id, &tree, Mode::Private).unwrap();
        nexus.source(&toolkits, &id).unwrap()
    }

    #[test]
    fn answers_become_rows_or_words() {
        let dir = tempfile::tempdir().unwrap();
        let nexus = Nexus::open(Home::at(dir.path().join("nexus")));
        let source = source(&nexus, "first-party");
        let grant = nexus.source_grant(&source, &Profile::network()).unwrap();
        let session = Session::default();
        let ask = |status, text| {
            let broker = GuardedBroker {
                net: &Answers(status, text),
                who: Principal::new(&session, "t", &grant, Budget::new("t", grant.limits())),
            };
            let rows = source.json.rows("issue", &broker);
            rows.map(|rows| rows.len())
                .map_err(|error| error.to_string())
        };
        assert_eq!(ask(200, r#"{"items":[{"id":1},{"id":2}]}"#), Ok(2));
        let cannot = "the source cannot be asked: ";
        assert_eq!(
            ask(404, "{}"),
            Err(format!("{cannot}it answers with status 404"))
        );
        assert_eq!(ask(0, ""), Err(format!("{cannot}out of reach")));
    }

    #[test]
    fn a_source_is_asked_only_with_every_permission() {
        let dir = tempfile::tempdir().unwrap();
        let nexus = Nexus::open(Home::at(dir.path().join("nexus")));
        let own = source(&nexus, "first-party");
        let error = nexus.rows(&own, "issue", &Profile::minimal()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`issues` may not ask its source: it needs `net`, which profile `minimal` does not grant"
        );
        let theirs = source(&nexus, "third-party");
        let error = nexus
            .rows(&theirs, "issue", &Profile::network())
            .unwrap_err();
        assert_eq!(error.code(), "policy/no-consent");
        assert!(error.hint().unwrap().contains("net"), "{:?}", error.hint());
    }
}
