"""What learners remember by: sums, examples, counts and trails that processes add up."""
