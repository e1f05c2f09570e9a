use super::{Failure, Principal};

/// Reads pages of the web.
pub trait Browse: Send + Sync {
    /// Fetches `url` and takes from it what people read.
    ///
    /// # Errors
    ///
    /// As for [`Net::send`](super::Net::send), and
    /// [`FailureKind::Failed`](super::FailureKind::Failed) when what came is not text.
    fn fetch(&self, who: &Principal<'_>, url: &str) -> Result<Page, Failure>;
}

/// A page as a guest gets it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Page {
    /// Where it came from, after redirects.
    pub url: String,
    /// The status code of the response.
    pub status: u16,
    /// Its title; empty when it has none.
    pub title: String,
    /// Its text, a line per block, without markup, scripts and styles.
    pub text: String,
    /// Its links, absolute, in order.
    pub links: Vec<Link>,
}

/// A link on a page.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Link {
    /// What it is called.
    pub text: String,
    /// Where it leads.
    pub url: String,
}
