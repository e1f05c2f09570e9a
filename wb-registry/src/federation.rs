//! Federation: a live data source as rows; the contract of the shape and its seams.
//!
//! Reading a source is three steps: a [`Request`] made from the manifest, its sending
//! by the host's [`Broker`], and the [`Row`]s in the answer. The first and the last are
//! here and pure. A credential is only ever named: its template goes out with the
//! request and is filled where it leaves the host, so nobody here can hold the key.
//!
//! SQL over rows is not evaluated by this version, and [`select`] says so.

use bytes::Bytes;
use serde_json::Value;
use wb_manifest::{HttpsUrl, Manifest};
use wb_policy::Shape;

/// One row: column names and their values.
pub type Row = serde_json::Map<String, Value>;

/// The most rows that are taken out of an answer.
const MOST_ROWS: usize = 100_000;

/// A source of rows, by entity: what `FROM` names.
pub trait Provider {
    /// The entities it offers, in the order of its manifest.
    fn entities(&self) -> &[String];

    /// The rows of `entity` as they are now, asked for through `broker`.
    ///
    /// # Errors
    ///
    /// [`FederationError`] says whether the source, the broker or the answer is at fault.
    fn rows(&self, entity: &str, broker: &dyn Broker) -> Result<Vec<Row>, FederationError>;
}

/// Sends requests on behalf of a provider; filled by the host.
///
/// It fills the templates `{{secret:NAME}}` in header values, and only for hosts that
/// the secret may be sent to.
pub trait Broker {
    /// The body of the answer to a GET of `request`.
    ///
    /// # Errors
    ///
    /// Words about what went wrong, a status other than 2xx included.
    fn send(&self, request: &Request) -> Result<Bytes, String>;
}

/// A GET request with its credentials still templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The address.
    pub url: HttpsUrl,
    /// Header fields: lower-case names, and values that may hold templates.
    pub headers: Vec<(&'static str, String)>,
}

/// A JSON source that its manifest alone describes.
///
/// `#+URL` is asked, `#+ROWS_PATH` says where in the answer the rows are, and the
/// first of `#+ENV_KEYS` names the bearer token.
///
/// # Examples
///
/// ```
/// use wb_registry::federation::{Broker, JsonSource, Provider, Request};
///
/// struct Scripted;
/// impl Broker for Scripted {
///     fn send(&self, request: &Request) -> Result<bytes::Bytes, String> {
///         assert_eq!(request.headers[1].1, "Bearer {{secret:ISSUES_TOKEN}}");
///         Ok(r#"{"data":{"items":[{"id":1},{"id":2}]}}"#.into())
///     }
/// }
///
/// let manifest = "#+TITLE: Issues\n#+TOOLKIT: issues\n#+EXEC: federation\n\
///     #+URL: https://api.example.org/issues\n#+ROWS_PATH: data.items\n\
///     #+ENV_KEYS: ISSUES_TOKEN\n#+ENTITIES: issue\n* Issues :toolkit:\n";
/// let reading = wb_manifest::read(manifest.as_bytes());
/// let source = JsonSource::declared(reading.manifest())?;
/// assert_eq!(source.rows("issue", &Scripted)?.len(), 2);
/// # Ok::<(), wb_registry::federation::FederationError>(())
/// ```
#[derive(Clone, Debug)]
pub struct JsonSource {
    request: Request,
    rows_path: Vec<String>,
    entities: Vec<String>,
}

impl JsonSource {
    /// The source that a federation manifest declares.
    ///
    /// # Errors
    ///
    /// [`FederationError::Undeclared`] for another shape, or without `#+URL`.
    pub fn declared(manifest: &Manifest) -> Result<Self, FederationError> {
        let undeclared = FederationError::Undeclared;
        if manifest.shape() != Some(Shape::Federation) {
            return Err(undeclared("`#+EXEC: federation`"));
        }
        let declared = &manifest.federation;
        let url = declared.url.as_ref().ok_or(undeclared("`#+URL`"))?;
        let mut headers = vec![("accept", "application/json".to_owned())];
        if let Some(key) = declared.env_keys.first() {
            headers.push((
                "authorization",
                format!("Bearer {{{{secret:{}}}}}", key.value),
            ));
        }
        let path = declared.rows_path.as_ref().map_or("", |path| &path.value);
        // A lone dot is the answer itself.
        let steps = path.split('.').filter(|step| !step.is_empty());
        let entities = declared.entities.iter();
        Ok(Self {
            request: Request {
                url: url.value.clone(),
                headers,
            },
            rows_path: steps.map(str::to_owned).collect(),
            entities: entities.map(|entity| entity.value.clone()).collect(),
        })
    }

    /// What is sent for any of its entities.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The rows in an answer: an array of objects, or one object alone. What is no
    /// object in the array is no row.
    ///
    /// # Errors
    ///
    /// [`FederationError::Answer`] for other answers, and for more than 100,000 rows.
    pub fn read(&self, answer: &[u8]) -> Result<Vec<Row>, FederationError> {
        let wrong = FederationError::Answer;
        let mut found: Value =
            serde_json::from_slice(answer).map_err(|error| wrong(format!("no JSON: {error}")))?;
        for step in &self.rows_path {
            let inner = match &mut found {
                Value::Object(fields) => fields.remove(step),
                Value::Array(items) => match step.parse::<usize>() {
                    Ok(index) if index < items.len() => Some(items.swap_remove(index)),
                    _ => None,
                },
                _ => None,
            };
            found = inner.ok_or_else(|| wrong(format!("no `{step}` on the way to the rows")))?;
        }
        let rows: Vec<Row> = match found {
            Value::Array(items) => items
                .into_iter()
                .filter_map(|item| match item {
                    Value::Object(row) => Some(row),
                    _ => None,
                })
                .collect(),
            Value::Object(row) => vec![row],
            _ => return Err(wrong("neither an array nor an object".to_owned())),
        };
        if rows.len() > MOST_ROWS {
            let found = rows.len();
            return Err(wrong(format!("{found} rows, expected at most {MOST_ROWS}")));
        }
        Ok(rows)
    }
}

impl Provider for JsonSource {
    fn entities(&self) -> &[String] {
        &self.entities
    }

    fn rows(&self, entity: &str, broker: &dyn Broker) -> Result<Vec<Row>, FederationError> {
        if !self.entities.iter().any(|known| known == entity) {
            return Err(FederationError::NoSuchEntity {
                entity: entity.chars().take(128).collect(),
                known: self.entities.clone(),
            });
        }
        let answer = broker
            .send(&self.request)
            .map_err(FederationError::Broker)?;
        self.read(&answer)
    }
}

/// Answers a query over the rows of providers.
///
/// # Errors
///
/// [`FederationError::NoSql`], always: this version reads whole entities, and a query
/// whose conditions were passed over would give wrong rows.
pub fn select(_query: &str) -> Result<Vec<Row>, FederationError> {
    Err(FederationError::NoSql)
}

/// Why there are no rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FederationError {
    /// The manifest lacks what a source needs.
    #[error("the manifest declares no {0}, which a data source needs")]
    Undeclared(&'static str),
    /// The source has no such entity.
    #[error("no entity `{entity}`, there are: {}", known.join(", "))]
    NoSuchEntity {
        /// The name asked for.
        entity: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The request was refused or failed.
    #[error("the source cannot be asked: {0}")]
    Broker(String),
    /// The answer holds no rows where they should be.
    #[error("the answer of the source cannot be read: {0}")]
    Answer(String),
    /// A query was asked for.
    #[error("this version evaluates no SQL over data sources, expected the name of an entity")]
    NoSql,
}

impl FederationError {
    /// The stable code of the error, for example `federation/undeclared`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Undeclared(_) => "federation/undeclared",
            Self::NoSuchEntity { .. } => "federation/no-such-entity",
            Self::Broker(_) => "federation/broker",
            Self::Answer(_) => "federation/answer",
            Self::NoSql => "federation/no-sql",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails;

    impl Broker for Fails {
        fn send(&self, _: &Request) -> Result<Bytes, String> {
            Err("status 503".to_owned())
        }
    }

    fn source(rows_path: &str) -> JsonSource {
        let manifest = format!(
            "#+TITLE: t\n#+TOOLKIT: t\n#+EXEC: federation\n#+URL: https://a.example/x\n\
             #+ROWS_PATH: {rows_path}\n#+ENTITIES: a b\n* t :toolkit:\n"
        );
        JsonSource::declared(wb_manifest::read(manifest.as_bytes()).manifest()).unwrap()
    }

    #[test]
    fn rows_are_where_the_manifest_says() {
        let count =
            |path: &str, answer: &str| source(path).read(answer.as_bytes()).map(|r| r.len());
        assert_eq!(count(".", r#"[{"a":1}, 2, {"a":3}]"#), Ok(2));
        assert_eq!(count("x.1.y", r#"{"x":[0,{"y":[{}]}]}"#), Ok(1));
        assert_eq!(count("", r#"{"a":1}"#), Ok(1));
        for (path, answer) in [
            ("", "nope"),
            ("", "7"),
            ("x", "{}"),
            ("9", "[]"),
            ("x.y", r#"{"x":1}"#),
        ] {
            let error = count(path, answer).unwrap_err();
            assert_eq!(error.code(), "federation/answer", "{path} {answer}");
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let source = source(".");
        assert_eq!(source.entities(), ["a", "b"]);
        assert_eq!(source.request().headers.len(), 1, "no key is named");
        let unknown = source.rows("c", &Fails).unwrap_err();
        assert_eq!(unknown.to_string(), "no entity `c`, there are: a, b");
        let failed = source.rows("a", &Fails).unwrap_err();
        assert_eq!(failed.to_string(), "the source cannot be asked: status 503");
        assert_eq!(
            select("SELECT * FROM a").unwrap_err().code(),
            "federation/no-sql"
        );
        let other = wb_manifest::read(b"#+TITLE: t\n#+EXEC: task\n* t :toolkit:\n");
        assert_eq!(
            JsonSource::declared(other.manifest()).unwrap_err().code(),
            "federation/undeclared"
        );
    }
}
