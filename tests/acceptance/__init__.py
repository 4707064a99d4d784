"""What the shipped packs owe to the people who wrote down how they work, held against tickets nobody tuned them on."""
