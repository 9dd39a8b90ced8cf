//! How the fields of messages are written and read.

/// Something that stands in a message.
pub(super) trait Field: Sized {
    fn put(&self, out: &mut Vec<u8>);
    /// Takes it from the front; `None` if there is none.
    fn take(rest: &mut &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl Field for $type {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn take(rest: &mut &[u8]) -> Option<$type> {
                let (bytes, behind) = rest.split_first_chunk()?;
                *rest = behind;
                Some(<$type>::from_le_bytes(*bytes))
            }
        })*
    };
}

numbers!(u8, u32, i32, u64, i64);

impl Field for bool {
    fn put(&self, out: &mut Vec<u8>) {
        u8::from(*self).put(out);
    }

    fn take(rest: &mut &[u8]) -> Option<bool> {
        u8::take(rest).map(|byte| byte != 0)
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(rest: &mut &[u8]) -> Option<(A, B)> {
        Some((A::take(rest)?, B::take(rest)?))
    }
}

impl Field for Vec<u8> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        out.extend_from_slice(self);
    }

    fn take(rest: &mut &[u8]) -> Option<Vec<u8>> {
        let len = usize::try_from(u32::take(rest)?).ok()?;
        let (bytes, behind) = rest.split_at_checked(len)?;
        *rest = behind;
        Some(bytes.to_vec())
    }
}

impl Field for Vec<super::Entry> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        for entry in self {
            entry.put(out);
        }
    }

    fn take(rest: &mut &[u8]) -> Option<Vec<super::Entry>> {
        // What is collected grows with what is read, not with what the number says.
        let count = u32::take(rest)?;
        (0..count).map(|_| super::Entry::take(rest)).collect()
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(rest: &mut &[u8]) -> Option<Option<T>> {
        if bool::take(rest)? { T::take(rest).map(Some) } else { Some(None) }
    }
}
