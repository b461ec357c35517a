"""Say of every part of a folder whether it is as it was written, and what makes it again."""

from neurolect.verification.any_folder import verify
from neurolect.verification.outcome import Part, Verification

__all__ = ["Part", "Verification", "verify"]
