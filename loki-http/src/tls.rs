//! Certificates of a server that speaks TLS.

use crate::settings::TlsSettings;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Reads the files and makes what accepts connections.
pub(crate) fn acceptor(settings: &TlsSettings) -> io::Result<TlsAcceptor> {
    let chain = certificates(&settings.cert_file)?;
    let key = PrivateKeyDer::from_pem_file(&settings.key_file).map_err(|error| named(&settings.key_file, error))?;
    let builder = match &settings.client_ca_file {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| named(file, error))?;
            }
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots));
            let verifier = match settings.client_cert_required {
                true => verifier,
                false => verifier.allow_unauthenticated(),
            };
            ServerConfig::builder().with_client_cert_verifier(verifier.build().map_err(|error| named(file, error))?)
        }
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| named(&settings.cert_file, error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

pub(crate) fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| named(file, error))
}

pub(crate) fn named(file: &Path, error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{}: {error}", file.display()))
}
