-- Who may connect: the shop's role, by a password from the environment, so that no file has it. Without one it cannot log in.

REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO shop;

SET pg_stat_statements.track_utility = off; -- the statistics keep the text of what they count
\getenv password DATABASE_PASSWORD
ALTER ROLE shop PASSWORD :'password';
