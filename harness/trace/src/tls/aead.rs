//! One key of an AEAD: the cipher is set up once, and each record only brings its nonce and its tag.

use openssl::cipher::{Cipher, CipherRef};
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;

use super::known::Known;
use super::suite::Bulk;

/// Bytes of the tag of AES-GCM and ChaCha20-Poly1305.
const TAG: usize = 16;

/// Opens what is sealed with one key.
pub(super) struct Aead {
    key: Vec<u8>,
    kind: Kind,
    /// Bytes of the tag.
    tag: usize,
}

enum Kind {
    /// A context that has its key.
    Keyed(CipherCtx),
    /// AES-CCM: lengths of nonce and tag have to be known before the key is, so each record sets the cipher up anew.
    Ccm,
}

impl Aead {
    /// `None` for what is no AEAD.
    pub(super) fn new(bulk: Bulk, key: &[u8]) -> Option<Self> {
        let cipher = match bulk {
            Bulk::Gcm(16) => Cipher::aes_128_gcm(),
            Bulk::Gcm(_) => Cipher::aes_256_gcm(),
            Bulk::Chacha => Cipher::chacha20_poly1305(),
            Bulk::Ccm(_, tag) => return Some(Self { key: key.to_vec(), kind: Kind::Ccm, tag }),
            Bulk::Cbc(..) | Bulk::Closed => return None,
        };
        Some(Self { key: key.to_vec(), kind: Kind::Keyed(keyed(cipher, key).ok()?), tag: TAG })
    }

    /// Opens text and tag; `None` when they are not of this key, nonce or additional data.
    pub(super) fn open(&mut self, nonce: &[u8], aad: &[u8], sealed: &[u8], known: &mut Known) -> Option<Vec<u8>> {
        let (text, tag) = self.split(sealed)?;
        let Self { key, kind, .. } = self;
        known.open([key, nonce, aad], sealed, || match kind {
            Kind::Keyed(context) => open(context, nonce, aad, text, tag).ok(),
            Kind::Ccm => ccm(key, nonce, aad, text, tag).ok(),
        })
    }

    /// Bytes of the text that is sealed in so many bytes.
    pub(super) const fn text_length(&self, sealed: usize) -> Option<usize> {
        sealed.checked_sub(self.tag)
    }

    fn split<'a>(&self, sealed: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        sealed.split_at_checked(self.text_length(sealed.len())?)
    }
}

fn keyed(cipher: &CipherRef, key: &[u8]) -> Result<CipherCtx, ErrorStack> {
    let mut context = CipherCtx::new()?;
    context.decrypt_init(Some(cipher), Some(key), None)?;
    Ok(context)
}

fn open(context: &mut CipherCtx, nonce: &[u8], aad: &[u8], text: &[u8], tag: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    context.decrypt_init(None, None, Some(nonce))?;
    context.set_tag(tag)?;
    context.cipher_update(aad, None)?;
    let mut output = Vec::new();
    context.cipher_update_vec(text, &mut output)?;
    context.cipher_final(&mut [])?;
    Ok(output)
}

fn ccm(key: &[u8], nonce: &[u8], aad: &[u8], text: &[u8], tag: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let cipher = if key.len() == 16 { Cipher::aes_128_ccm() } else { Cipher::aes_256_ccm() };
    let mut context = CipherCtx::new()?;
    context.decrypt_init(Some(cipher), None, None)?;
    context.set_iv_length(nonce.len())?;
    context.set_tag(tag)?;
    context.decrypt_init(None, Some(key), Some(nonce))?;
    context.set_data_len(text.len())?;
    context.cipher_update(aad, None)?;
    let mut output = Vec::with_capacity(text.len());
    context.cipher_update_vec(text, &mut output)?;
    Ok(output)
}
