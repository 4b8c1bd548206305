"""What is made of numbers and episodes for people: statistics, tables, pictures, animations."""
