"""A few neurons of low layers in place of a whole network: which, what they keep of a task, what that saves."""
