DROP INDEX delivery_dead;
