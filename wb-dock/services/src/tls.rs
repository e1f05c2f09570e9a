use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection};
use rustls_platform_verifier::Verifier;

/// How certificates of servers are verified: as the operating system does it. There is no way
/// to leave it out.
///
/// Loads the roots of the operating system at the first use.
#[derive(Clone, Default)]
pub struct Tls {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    roots: Vec<CertificateDer<'static>>,
    config: OnceLock<Result<Arc<ClientConfig>, TlsError>>,
}

impl Tls {
    /// Trusts what the operating system trusts.
    pub fn system() -> Self {
        Self::default()
    }

    /// Trusts the certificates `roots`, each in DER, as well.
    pub fn with_roots(roots: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self {
            shared: Arc::new(Shared {
                roots: roots.into_iter().map(CertificateDer::from).collect(),
                config: OnceLock::new(),
            }),
        }
    }

    pub(crate) fn session(&self, name: ServerName<'static>) -> Result<ClientConnection, TlsError> {
        let build = || self.shared.build().map(Arc::new).map_err(TlsError);
        let config = self.shared.config.get_or_init(build).clone()?;
        ClientConnection::new(config, name).map_err(TlsError)
    }
}

impl Shared {
    fn build(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::new_with_extra_roots(self.roots.clone(), provider.clone())?;
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            // Named so for every verifier that is not a plain list of roots.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("extra_roots", &self.shared.roots.len())
            .finish()
    }
}

/// TLS cannot be used on this machine, for example since it has no root certificates.
#[derive(Clone, Debug, thiserror::Error)]
#[error("TLS cannot be used here: {0}")]
pub struct TlsError(rustls::Error);
